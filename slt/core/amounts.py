"""Seconds and bytes in the unit that reads best."""


def duration(seconds: float) -> str:
    """Write seconds in the unit that reads best.

    >>> duration(0.5), duration(300), duration(7200), duration(864000), duration(1e8)
    ('0.50 s', '5.0 min', '2.0 h', '10.0 days', '3.2 years')
    """
    for length, name in ((365.25 * 86400, "years"), (86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds / length:,.1f} {name}"
    return f"{seconds:.2f} s"


def size(count: float) -> str:
    """Write bytes in the unit that reads best.

    >>> size(1500), size(3e9)
    ('1.5 kB', '3.0 GB')
    """
    for scale, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB")):
        if count >= scale:
            return f"{count / scale:.1f} {name}"
    return f"{count / 1e3:.1f} kB"
