"""What a command says when it ends without success."""


class CommandError(Exception):
    """An expected failure: the message is the one line that people get, with the remedy."""
