"""Object stores: where the bytes lie.  ``base`` is the contract; every other module here keeps it on one backend."""

__all__: list[str] = []
