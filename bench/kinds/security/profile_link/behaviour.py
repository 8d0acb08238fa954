import html
import re

from members.links import profile_link


def test_addresses_mean_the_same():
    for site in ("https://a.example/x?a=1&b=2", "http://b.example/#c"):
        made = profile_link({"name": "N", "site": f" {site} "})
        assert html.unescape(re.search('href="([^"]*)"', made).group(1)) == site
