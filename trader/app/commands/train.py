"""What can be learned from what was exported? `trader train policy`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from trader.app.exit_codes import ExitCode
from trader.app.terminal import say

if TYPE_CHECKING:
    import argparse

    from trader.app.commands.options import Subparsers

TRAIN: Final = "learn from exported rows"
POLICY: Final = "fit when to sell a call, test it on later rows, and write it as plain JSON"


def add_commands(subparsers: Subparsers) -> None:
    """Add `train` with its one action."""
    parser = subparsers.add_parser("train", help=TRAIN, description=TRAIN)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    policy = actions.add_parser("policy", help=POLICY, description=POLICY)
    policy.add_argument(
        "--data", type=Path, required=True, metavar="FILE",
        help="rows of trader export training, their card beside them",
    )  # fmt: skip
    policy.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="where the policy goes (JSON)"
    )
    policy.add_argument(
        "--features", metavar="NAME,...",
        help="what it may look at (default: what study and daemon know alike)",
    )  # fmt: skip
    policy.add_argument(
        "--threshold", type=float, default=0.0, metavar="SHARE",
        help="sell above this expected reward, a share of spot (default: 0)",
    )  # fmt: skip
    policy.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Learn, test, tell, write.

    Raises:
        ConfigurationError: set, feature or threshold cannot be used; scikit-learn is missing.
        StorageError: the policy cannot be written.
    """
    from trader.app.policy_training import train_policy
    from trader.storage.whole_files import write_whole
    from trader.strategies.fitted_policy import policy_json
    from trader.views.fitted_policy import policy_text

    asked = arguments.features
    features = None if asked is None else tuple(filter(None, asked.split(",")))
    policy = train_policy(arguments.data, features, arguments.threshold)
    write_whole(arguments.out, policy_json(policy).encode())
    say(policy_text(policy))
    say(f"Written: {arguments.out}")
    return ExitCode.OK
