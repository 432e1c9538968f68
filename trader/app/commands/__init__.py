"""What can a person type? One module per family of commands; each adds its parsers.

Nothing heavy is imported before a command runs: `trader --help` stays fast.
"""
