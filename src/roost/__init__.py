"""roost: supervisor and message fabric for coding-agent command lines."""

__version__ = "0.1.0"
__all__ = ["__version__", "connect"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from roost.client.roost import connect


def __getattr__(name: str) -> object:
    """`connect`, loaded when it is asked for: the command line has no time for it."""
    if name == "connect":
        from roost.client.roost import connect  # noqa: PLC0415 -- loaded when it is asked for

        return connect
    raise AttributeError(f"module 'roost' has no attribute '{name}'")
