"""Who trades? Strategies propose, the gate judges, the broker takes what was approved."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from trader.domain.facts import AlertRaised, HaltChanged, OrderEnded, SessionOpened
from trader.domain.trading import Approved, Intent, Leg, Pricing, Refused, Verdict, Withheld
from trader.domain.units import DAY, price_text
from trader.domain.valuation import is_dust
from trader.engine import course, housekeeping, quoting
from trader.engine.lacking import lacking
from trader.engine.model_view import BoardModels
from trader.engine.paper_broker import placed
from trader.risk.limits import Standing, halts, stop_loss_due
from trader.strategies.strategy import reads_board

if TYPE_CHECKING:
    from trader.domain.instruments import Instrument
    from trader.domain.situation import Situation
    from trader.engine.chains import Chain
    from trader.engine.ledger import Ledger
    from trader.engine.market_state import MarketState
    from trader.engine.paper_broker import PaperBroker
    from trader.engine.review import Occasion, Review, Slot
    from trader.engine.step import Step
    from trader.risk.gate import Gate, GateView
    from trader.risk.limits import RiskSettings

URGENT: Final = Pricing(lifetime=30 * DAY)
"""A close at whatever is displayed, waiting as long as it takes."""


class TradingDesk:
    """Carries intents through the gate to the broker; holds no state of its own."""

    def __init__(
        self,
        gate: Gate,
        risk: RiskSettings,
        ledger: Ledger,
        market: MarketState,
        broker: PaperBroker,
        review: Review,
    ) -> None:
        self._gate = gate
        self._risk = risk
        self._market = market
        self._broker = broker
        self.ledger = ledger
        self.review = review

    def work(self, step: Step, instrument: str | None = None) -> None:
        """Let working orders trade: all, or those that a quote of one instrument concerns."""
        for book in tuple(self.ledger.orders.values()):
            if instrument is None or instrument in book.instruments:
                chain = self.ledger.chain(book.order.chain_id)
                self._broker.work(book, step, self._market, chain)

    def ask(self, slot: Slot, occasion: Occasion, step: Step) -> None:
        """Ask a strategy for its proposals and judge each in turn.

        A close that follows a roll or hedge of its chain is what becomes of it if that is refused.
        """
        situation = self.review.situation(slot, occasion)
        if occasion == "open" and (
            missing := lacking(
                situation, self._risk.universe.quotes_min, board_read=reads_board(slot.strategy)
            )
        ):
            marks = f" ({', '.join(situation.data_quality)})" if situation.data_quality else ""
            text = f"{missing}{marks}"
            step.record(
                AlertRaised(
                    kind="decision_skipped", severity="warning", text=text, strategy=slot.name
                )
            )
        changed: dict[str | None, None] = {}
        intents = self._proposals(slot, situation, step)
        if isinstance(situation.models, BoardModels):
            weighed = situation.models.weighed(slot.name, intents)
            if weighed is not None:
                step.record(weighed)
        for intent in intents:
            if intent.strategy != slot.name:
                step.record(_stranger(intent, slot.name, self.review, step.name("V")))
            elif intent.withheld is not None:
                step.record(_withheld(intent, intent.withheld, self.review, step.name("V")))
            elif intent.action == "close" and intent.chain_id in changed:
                continue
            elif self.judge(intent, step, situation) and intent.action in ("roll", "hedge"):
                changed[intent.chain_id] = None

    def _proposals(self, slot: Slot, situation: Situation, step: Step) -> tuple[Intent, ...]:
        """Ask the rule itself; one that raises proposes nothing, and a person is told."""
        try:
            return tuple(slot.strategy.propose(situation))
        except Exception as error:  # noqa: BLE001 - a stranger's rule must not end the daemon
            text = f"{type(error).__name__}: {error}"[:500]
            step.record(
                AlertRaised(
                    kind="strategy_failed", severity="critical", text=text, strategy=slot.name
                )
            )
            return ()

    def judge(self, intent: Intent, step: Step, situation: Situation | None = None) -> bool:
        """Ask the gate and tell whether it approved; an approval becomes an order at once.

        A change that was refused for the same reason that day is not said again. The gate hears
        what the models made of the intent where it came of a `situation`.
        """
        if intent.action == "close" and intent.pricing.limit_net is None:
            self._withdraw_closes(intent.chain_id, step)
        if intent.action == "quote":
            self._replace_quote(intent, step)
        models = situation.models if situation is not None else None
        worth = models.asked_of(intent.legs) if isinstance(models, BoardModels) else None
        view = self.review.gate_view(intent, worth)
        verdict_id = step.name("V")
        if intent.action in ("roll", "add") and view.account != self.review.account_of(
            intent.strategy
        ):
            verdict: Verdict = _demoted(intent, view, verdict_id)
        else:
            verdict = self._gate.judge(intent, view, verdict_id)
        if isinstance(verdict, Refused) and self.ledger.refusals.known(verdict, step.at):
            return False  # it was said today
        step.record(verdict)
        if isinstance(verdict, Approved):
            self._carry_out(verdict, view, step)
        return isinstance(verdict, Approved)

    def _carry_out(self, approval: Approved, view: GateView, step: Step) -> None:
        """Do what was approved: what trades becomes an order at once."""
        intent = approval.intent
        if intent.action in ("close", "withdraw"):
            chain = self.ledger.chain(approval.chain_id)
            quoting.withdraw(self.ledger, chain, "canceled", intent.reason, step)
        if intent.action == "close":
            self._withdraw_changes(approval.chain_id, step)
        if intent.quoting is not None:
            step.record(
                SessionOpened(
                    account=approval.account,
                    strategy=intent.strategy,
                    chain_id=approval.chain_id,
                    verdict_id=approval.verdict_id,
                    instrument=self._instrument(intent.legs[0].instrument, approval.chain_id),
                    equity_usd=view.equity_usd,
                    index=view.index,
                )
            )
        elif intent.action not in ("protect", "withdraw"):
            self._place(approval, view.equity_usd, view.index, step)

    def _replace_quote(self, intent: Intent, step: Step) -> None:
        """Cancel what rests on the side of a new quote: it takes its place, or leaves none."""
        for book in self.ledger.working(intent.chain_id or ""):
            same = [one.ratio * two.ratio > 0 for one in book.order.legs for two in intent.legs]
            if book.order.action == "quote" and all(same):
                detail = "quoted anew"
                step.record(OrderEnded(book.order.order_id, book.order.account, "canceled", detail))

    def _withdraw_closes(self, chain_id: str | None, step: Step) -> None:
        """Cancel a patient close so that an urgent one can take its place."""
        for book in self.ledger.working(chain_id or ""):
            if book.order.action == "close" and book.order.limit_net is not None:
                detail = "replaced by an urgent close"
                step.record(OrderEnded(book.order.order_id, book.order.account, "canceled", detail))

    def _withdraw_changes(self, chain_id: str, step: Step) -> None:
        """Cancel what would enlarge or change a chain that is being closed."""
        for book in self.ledger.working(chain_id):
            if book.order.action != "close":
                detail = "its chain is being closed"
                step.record(OrderEnded(book.order.order_id, book.order.account, "canceled", detail))

    def _place(self, approval: Approved, equity_usd: float, index: float, step: Step) -> None:
        legs = self._legs(approval)
        shown = {leg.instrument: self._market.touch(leg.instrument) for leg in legs}
        seen = {name: touch for name, touch in shown.items() if touch is not None}
        order = self._broker.place(approval, step, seen, legs)
        instruments = tuple(self._instrument(leg.instrument, approval.chain_id) for leg in legs)
        chain = self.ledger.chains.get(approval.chain_id)
        if chain is not None and not math.isfinite(equity_usd * index):
            # a close before the first index after a start: a journal holds finite numbers only
            equity_usd, index = chain.equity_at_open_usd, chain.index_at_open
        step.record(placed(order, instruments, equity_usd, index))

    def _legs(self, approval: Approved) -> tuple[Leg, ...]:
        """Name what an order trades: a close the whole chain but its dust, a roll all options."""
        intent = approval.intent
        if intent.action == "close":
            whole = self.ledger.chain(approval.chain_id).closing_legs()
            return tuple(leg for leg in whole if not self._expires_worthless(leg)) or whole
        if intent.action == "roll":
            return self.ledger.chain(approval.chain_id).closing_legs(spot=False) + intent.legs
        return intent.legs

    def _expires_worthless(self, leg: Leg) -> bool:
        """Whether what a close would sell finds no bid and is worth next to nothing: it is left to
        expire, since nothing of the rest could be closed while it waits for one.
        """
        touch = self._market.touch(leg.instrument) if leg.ratio < 0 else None
        if touch is None or not touch.fresh:
            return False
        return is_dust(touch.instrument, touch.bid, touch.bid_amount, touch.mark)

    def _instrument(self, name: str, chain_id: str) -> Instrument:
        listed = self._market.instrument(name)
        if listed is not None:
            return listed
        return self.ledger.chain(chain_id).legs[name].instrument

    def close(self, chain: Chain, reason: str, step: Step) -> None:
        """Close a chain at whatever is displayed."""
        self.judge(
            Intent(
                strategy=chain.strategy,
                action="close",
                underlying=chain.underlying,
                legs=chain.closing_legs(),
                confidence=chain.confidence,
                reason=reason,
                chain_id=chain.id,
                pricing=URGENT,
            ),
            step,
        )

    def leave(self, chain: Chain, reason: str, step: Step) -> None:
        """Quote no more on a chain, and close what it holds."""
        quoting.withdraw(self.ledger, chain, "canceled", reason, step)
        if not chain.flat:
            self.close(chain, reason, step)

    def watch(self, step: Step, instrument: str | None = None) -> None:
        """Close the chains whose stated stop is met by the side they would leave at: all, or those
        that hold one instrument. A stale or one-sided quote meets no stop.
        """
        for chain in tuple(self.ledger.chains.values()):
            if chain.course is None:
                continue
            for name, leg in chain.legs.items():
                touch = self._market.touch(name) if instrument in (None, name) else None
                if touch is None or not (touch.fresh and touch.two_sided):
                    continue
                if course.crossed(chain.course, leg.amount, touch.bid, touch.ask):
                    self._stop(chain, touch.bid if leg.amount > 0 else touch.ask, step)
                    break

    def _stop(self, chain: Chain, price: float, step: Step) -> None:
        if chain.course is not None and not self.leaving(chain):
            stop = price_text(chain.course.stop.price)
            self.close(chain, f"stop at {stop} met by {price_text(price)}", step)

    def stop_losses(self, step: Step) -> None:
        """Close every chain whose loss passed its stop, unless an urgent close works already.

        What states a stop of its own is left to that.
        """
        for chain in tuple(self.ledger.chains.values()):
            if chain.pending or chain.spent or chain.course is not None:
                continue
            if chain.flat and not chain.quotes:
                continue
            account = self.review.view(chain.account)
            loss_usd = -(account.flows_usd(chain) + account.liquidation_usd(chain))
            if not 0 < loss_usd < math.inf:
                continue
            due = stop_loss_due(self.ledger.chain_view(chain), loss_usd, self._risk)
            if due and not self.leaving(chain):
                share = loss_usd / chain.risk_usd if chain.risk_usd else math.inf
                reason = f"stop loss: down {loss_usd:,.0f} USD, {share:.0%} of its maximum loss"
                self.leave(chain, reason, step)

    def leaving(self, chain: Chain) -> bool:
        """Whether an urgent close of a chain works already."""
        return any(
            book.order.action == "close" and book.order.limit_net is None
            for book in self.ledger.working(chain.id)
        )

    def halts(self, step: Step) -> None:
        """Begin and end the halts of opening of every account; one that begins cancels opens."""
        for name, account in tuple(self.ledger.accounts.items()):
            if account.idle and not self.ledger.chains_of(name):
                continue
            view = self.review.view(name)
            worth = view.worth()
            if not math.isfinite(worth.equity_usd):
                continue
            margins = view.margins()
            standing = Standing(
                equity_usd=worth.equity_usd,
                trading_pnl_usd=worth.trading_pnl_usd,
                day_open_pnl_usd=account.day_opening(step.at),
                peak_pnl_usd=account.peak_pnl_usd,
                margin_balance=margins.balance,
                maintenance_margin=margins.maintenance,
            )
            for halt in halts(self._risk, standing):
                if halt.active != (halt.rule in account.halts):
                    step.record(
                        HaltChanged(
                            account=name,
                            rule=halt.rule,
                            active=halt.active,
                            limit=halt.limit,
                            used=halt.used,
                            detail=halt.detail,
                        )
                    )
                    if halt.active:
                        housekeeping.stop_opening(
                            self.ledger, step, "canceled", halt.detail, account=name
                        )


def _stranger(intent: Intent, asked: str, review: Review, verdict_id: str) -> Refused:
    """Refuse an intent in another's name: slots and chains are counted by name."""
    return Refused(
        verdict_id=verdict_id,
        account=review.account_of(asked),
        intent=intent,
        stage=review.stage(asked),
        rule="invalid_intent",
        limit=0.0,
        used=0.0,
        requested=1.0,
        explanation=f"{asked} proposed a trade in the name of {intent.strategy}",
        restraint=review.restraint(asked, review.account_of(asked)),
    )


def _withheld(intent: Intent, why: Withheld, review: Review, verdict_id: str) -> Refused:
    """Keep a signal that its strategy does not trade: nobody else was asked."""
    return Refused(
        verdict_id=verdict_id,
        account=review.account_of(intent.strategy),
        intent=intent,
        stage=review.stage(intent.strategy),
        rule=why.rule,
        limit=why.limit,
        used=why.used,
        requested=why.requested,
        explanation=intent.reason,
    )


def _demoted(intent: Intent, view: GateView, verdict_id: str) -> Refused:
    return Refused(
        verdict_id=verdict_id,
        account=view.account,
        intent=intent,
        stage=view.stage,
        rule="demoted",
        limit=0.0,
        used=0.0,
        requested=1.0,
        explanation=f"{intent.strategy} is at {view.stage}: its positions are managed to their "
        "end, never enlarged",
        restraint=view.restraint,
    )
