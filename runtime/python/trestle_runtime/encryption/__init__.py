"""The keys of encrypted fields."""

try:
    import cryptography as _cryptography  # noqa: F401
except ImportError as e:
    raise ImportError(
        "encrypted fields need the package cryptography: install trestle-runtime with its extra encryption"
    ) from e

from .kek import KEK, CommandKEK, EnvKEK, FileKEK, KEKError
from .keys import KeyClass, Keys, WouldBlockError
from .store import MemoryStore, Store

__all__ = [
    "KEK",
    "CommandKEK",
    "EnvKEK",
    "FileKEK",
    "KEKError",
    "KeyClass",
    "Keys",
    "MemoryStore",
    "Store",
    "WouldBlockError",
]
