"""Object stores: where the bytes lie.

``base`` is the contract; ``local``, ``memory``, ``sftp`` and ``generic`` keep it, each on one kind of storage.
``probing`` asks whether creation is exclusive there, ``single`` is for where it is not, and ``opening`` finds the store
of a URL.
"""

__all__: list[str] = []
