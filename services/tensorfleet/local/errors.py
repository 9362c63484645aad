"""Why a local server does not run."""

from tensorfleet.shared.errors import InvalidInput, Unavailable


class ServerStartFailed(Unavailable):
    """A local server ended or did not answer in time; the message has the end of its log."""

    reason = "LOCAL_SERVER_START_FAILED"


class ServerNotSupported(Unavailable):
    """The packaged server cannot run on this machine; the message says what to use instead."""

    reason = "LOCAL_SERVER_NOT_SUPPORTED"


class SettingsRefused(InvalidInput):
    """A service does not start with the settings that it was given; the message says which."""

    reason = "LOCAL_SETTINGS_REFUSED"
