"""The list of platforms: whole, in step with the suffix list, and read as it is meant."""

from __future__ import annotations

import csv
from collections import Counter
from importlib import resources

import pytest

from samelook.names.hosts import normalised_host
from samelook.names.platforms import Tenants, platform_of, proxied_host
from samelook.names.sites import is_front_door, is_tenant, site_of
from samelook.names.suffixes import public_suffix

ROWS = list(
    csv.DictReader(
        resources.files("samelook.names").joinpath("platforms.csv").read_text("utf-8").splitlines()
    )
)
BY_HOST = [row["domain"] for row in ROWS if row["tenants"] in {"host", "proxy"}]
BY_PATH = [row["domain"] for row in ROWS if row["tenants"] == "path"]

# What strangers publish under, whichever of the two lists says so.
WELL_KNOWN = [
    "weebly.com", "wordpress.com", "zendesk.com", "typeform.com", "tumblr.com", "substack.com",
    "godaddysites.com", "mystrikingly.com", "powerappsportals.com", "my.site.com", "sharepoint.com",
    "blogspot.com", "github.io", "gitlab.io", "netlify.app", "vercel.app", "pages.dev", "workers.dev",
    "web.app", "firebaseapp.com", "herokuapp.com", "onrender.com", "azurewebsites.net", "myshopify.com",
    "wixsite.com", "webflow.io", "square.site", "glitch.me", "replit.app", "surge.sh", "notion.site",
    "carrd.co", "jimdosite.com", "webnode.page", "yolasite.com", "livejournal.com", "medium.com",
    "bandcamp.com", "bigcartel.com", "freshdesk.com", "atlassian.net", "okta.com", "auth0.com",
    "statuspage.io", "slack.com", "clickfunnels.com", "teachable.com", "thinkific.com",
    "hubspotpagebuilder.com", "unbouncepages.com", "tilda.ws", "canva.site", "framer.app", "softr.app",
    "gitbook.io", "readthedocs.io", "hf.space", "streamlit.app", "fly.dev", "r2.dev", "ngrok.io",
    "trycloudflare.com", "s3.amazonaws.com", "translate.goog", "ipfs.dweb.link",
    "storage.googleapis.com", "itch.io"
]  # fmt: skip


@pytest.mark.parametrize("domain", WELL_KNOWN)
def test_each_tenant_of_a_well_known_platform_is_a_site_of_its_own(domain: str) -> None:
    sites = {site_of(f"{name}.{domain}") for name in ("anne", "bert")}
    assert len(sites) == 2
    assert site_of(domain) not in sites
    assert all(is_tenant(site) and is_front_door(site) for site in sites)
    assert site_of(f"deep.anne.{domain}") == site_of(f"anne.{domain}")


def test_every_entry_is_in_normal_form_and_named_once() -> None:
    domains = [row["domain"] for row in ROWS]
    assert [name for name, times in Counter(domains).items() if times > 1] == []
    for row in ROWS:
        assert normalised_host(row["domain"]) == row["domain"]
        assert Tenants(row["tenants"])
        for operator in row["operators"].split():
            assert site_of(normalised_host(operator)) is not None


def test_an_entry_says_something_that_the_suffix_list_does_not() -> None:
    for row in ROWS:
        if row["tenants"] == "host" and not row["operators"] and not row["own"]:
            assert public_suffix(f"x.{row['domain']}") != row["domain"], f"{row['domain']} is in both lists"


@pytest.mark.parametrize("domain", BY_HOST)
def test_a_platforms_own_hosts_are_no_tenants(domain: str) -> None:
    platform = platform_of(domain)
    assert platform is not None
    for label in platform.own_labels:
        assert not is_tenant(site_of(f"{label}.{domain}"))
    assert not is_tenant(site_of(domain))


@pytest.mark.parametrize("domain", BY_PATH)
def test_strangers_who_share_a_host_share_its_site(domain: str) -> None:
    platform = platform_of(domain)
    assert platform is not None
    assert platform.shares_paths(domain)
    assert site_of(domain) == domain
    assert site_of(f"bucket.{domain}") == f"bucket.{domain}"


def test_a_proxys_label_names_the_host_that_it_shows() -> None:
    proxy = platform_of("www-my--bank-co-uk.translate.goog")
    assert proxy is not None
    assert proxied_host(proxy, "www-my--bank-co-uk.translate.goog") == "www.my-bank.co.uk"
    assert proxied_host(proxy, "translate.goog") is None
    plain = platform_of("anne.weebly.com")
    assert plain is not None
    assert proxied_host(plain, "anne.weebly.com") is None
