"""Console entry."""
def run() -> None:
    """x"""
