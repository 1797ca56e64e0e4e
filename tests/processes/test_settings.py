"""gunicorn's settings in a web process."""

from gunicorn.config import Config

from receiver.processes.web_process import settle


def test_plain() -> None:
    """Each setting is an attribute with the same value, which no request has to search for."""
    config, same = Config(), Config()
    for one in (config, same):
        one.set("keepalive", 75)
        one.set("forwarded_allow_ips", "")
    settle(config)

    assert {name: getattr(same, name) for name in same.settings} == {
        name: getattr(config, name) for name in config.settings
    }
    searched = config.settings.keys() - vars(config).keys()
    assert "keepalive" in vars(config)
    assert searched == {name for name in config.settings if hasattr(Config, name)}  # properties of gunicorn's own
