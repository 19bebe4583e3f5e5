"""The keys of encrypted fields."""

from .kek import KEK, CommandKEK, EnvKEK, FileKEK, KEKError
from .keys import KeyClass, Keys, MemoryStore, Store, WouldBlockError

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
