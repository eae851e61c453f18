from linkspan_plugin import Plugin

plugin = Plugin("NAME", version="0.1.0")


@plugin.method
def greet(name: str) -> str:
    """Greets somebody."""
    return f"Hello, {name}!"


plugin.run()
