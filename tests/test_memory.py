"""Memory: who keeps what is freed."""

import sys

from minigpt.memory import keep_freed_memory


def test_freed_memory_is_kept_only_where_the_c_library_can(monkeypatch):
    assert keep_freed_memory() in (True, False)  # whatever this system is, asking does no harm
    monkeypatch.setattr(sys, "platform", "win32")
    assert keep_freed_memory() is False
