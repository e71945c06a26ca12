"""Windows' own Kerberos, as far as it can be seen from elsewhere."""

from __future__ import annotations

import sys

import pytest

from perchat.client import sspi
from perchat.errors import AuthenticationError, AuthenticationReason


@pytest.mark.skipif(sys.platform == "win32", reason="this is Windows")
def test_elsewhere_it_is_not_available_and_says_so() -> None:
    assert not sspi.AVAILABLE
    with pytest.raises(AuthenticationError, match="not Windows") as caught:
        sspi.obtain("sip/sip.example.com")
    assert caught.value.reason is AuthenticationReason.MISSING_CREDENTIALS
