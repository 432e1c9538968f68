"""May the engine do this? The gate: an intent in, `Approved` or an explained `Refused` out.

Nothing outside this package constructs an `Approved`. The gate computes the max loss itself, at
the touch; its limits are pure functions of the view, so no counter can be lost or reset.
"""

from __future__ import annotations

from typing import assert_never

from trader.domain.trading import Intent, Verdict
from trader.risk.case import Case
from trader.risk.changes import judge_close, judge_hedge, judge_roll
from trader.risk.limits import AccountNumbers, Halt, RiskSettings, halts
from trader.risk.opening import judge_add, judge_open
from trader.risk.perpetual import judge_protect
from trader.risk.quoting import judge_quote, judge_withdraw
from trader.risk.view import GateView

__all__ = ["Gate", "GateView"]


class Gate:
    """Judges intents by the limits it was given. Invariant: holds settings and nothing else."""

    __slots__ = ("settings",)

    def __init__(self, settings: RiskSettings) -> None:
        self.settings = settings

    def judge(self, intent: Intent, view: GateView, verdict_id: str) -> Verdict:
        """Approve or refuse one intent; never raises on what an intent or a quote may hold.

        `verdict_id` is the engine's ("V123-0"); an opened chain is named after it ("C123-0").
        Closes and reductions always pass; a refusal names the rule that decided, what it counts,
        who uses it and when it frees. `max_loss` of an approval states: for an open the trade; for
        an add what is added; for a roll, a hedge or a moved stop the whole chain afterwards; for a
        close, a quote or a withdrawal nothing: what a session may lose was stated at its open.
        """
        asked = Case(self.settings, intent, view, verdict_id)
        match intent.action:
            case "open":
                return judge_open(asked)
            case "add":
                return judge_add(asked)
            case "close":
                return judge_close(asked)
            case "roll":
                return judge_roll(asked)
            case "hedge":
                return judge_hedge(asked)
            case "protect":
                return judge_protect(asked)
            case "quote":
                return judge_quote(asked)
            case "withdraw":
                return judge_withdraw(asked)
            case _:
                assert_never(intent.action)

    def halts(self, account: AccountNumbers) -> tuple[Halt, ...]:
        """Look at the three reasons to halt opens, active or not, with limit and use."""
        return halts(self.settings, account)
