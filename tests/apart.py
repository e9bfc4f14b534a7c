"""A thread of its own for what runs an event loop: in the main one that of a browser may be running."""

from concurrent.futures import ThreadPoolExecutor


def apart(call, *given):
    """What a call returns, or raises, in a thread of its own."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(call, *given).result()
