import pytest

from partner.tls import client_context


def test_an_authority_that_is_not_there():
    with pytest.raises(OSError):
        client_context("/nonexistent/ca.pem")
