import ssl

from partner.tls import client_context, describe


def test_version():
    context = client_context(minimum=ssl.TLSVersion.TLSv1_3)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_3
    assert describe(context) == "tls from TLSv1_3"
    assert describe(client_context()) == "tls from TLSv1_2"
