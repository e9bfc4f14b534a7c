"""Keys of other servers, encrypted at rest: whoever has the database, or a copy of it, has none of them."""

import base64
import hashlib

from app.errors import Conflict
from app.language import gettext as _
from app.settings import Settings


def sealed(settings: Settings, key: str) -> str:
    from cryptography.fernet import Fernet

    return Fernet(_secret(settings)).encrypt(key.encode()).decode()


def opened(settings: Settings, kept: str, name: str) -> str:
    """The key again.

    Raises:
        Conflict: it was sealed with another secret.
    """
    from cryptography.fernet import Fernet, InvalidToken

    try:
        return Fernet(_secret(settings)).decrypt(kept.encode()).decode()
    except InvalidToken as error:
        raise Conflict(
            _(
                "The key of “%(name)s” cannot be read: PREFLOOP_ENCRYPTION_KEY is not the one it was kept with. "
                "Restore that, or enter the key again.",
                name=name,
            )
        ) from error


def _secret(settings: Settings) -> bytes:
    return base64.urlsafe_b64encode(hashlib.sha256(settings.sealing_key.encode()).digest())
