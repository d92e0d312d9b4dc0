"""A clock that a client reads, set forward."""

import datetime


def set_forward(by, *modules):
    """Replaces the class `datetime` that the modules have imported."""

    class Later(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return super().now(tz) + by

    for module in modules:
        module.datetime = Later
