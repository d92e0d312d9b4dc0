"""qualysdk with a password and with a token, before and after the four hours of a token. Prints a JSON value a line."""

import datetime
import importlib
import json
import sys

import clock
from qualysdk import BasicAuth, TokenAuth
from qualysdk.auth import token
from qualysdk.exceptions.Exceptions import AuthenticationError
from qualysdk.gav import count_assets

call_api = importlib.import_module("qualysdk.base.call_api")  # the package has a function of the same name
url, username, password = sys.argv[1:]


def platform():
    return {"api_url": url, "gateway_url": url, "qualysguard_url": url}


def show(value):
    print(json.dumps(value), flush=True)


basic = BasicAuth(username, password, override_platform=platform())
show(basic.get_ratelimit())
scans = call_api.call_api(
    basic, "vmdr", "list_scans", params={"action": "list"}, headers={"X-Requested-With": "qualysdk"}
)
show(scans.status_code)

auth = TokenAuth(username, password, override_platform=platform())
first = auth.token
show(count_assets(auth))
print("pause", flush=True)
input()
clock.set_forward(datetime.timedelta(hours=4), call_api, token)
show(count_assets(auth))
show(auth.token != first)

for kind in (BasicAuth, TokenAuth):
    try:
        kind(username, password + "x", override_platform=platform())
    except AuthenticationError as error:
        show(type(error).__name__)
