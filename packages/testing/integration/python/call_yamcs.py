"""yamcs-client in its modes of authentication, through the end of an access token. Prints a JSON value a line."""

import datetime
import json
import sys

import clock
from yamcs.client import APIKeyCredentials, BasicAuthCredentials, Credentials, Unauthorized, YamcsClient
from yamcs.client.core import auth

url, username, password, api_key, client_id, client_secret = sys.argv[1:]


def show(value):
    print(json.dumps(value), flush=True)


def who(client):
    user = client.get_user_info()
    return [user.username, user.superuser]


user = YamcsClient(url, credentials=Credentials(username=username, password=password))
show(user.get_auth_info().require_authentication)
show(who(user))
show(user.get_server_info().version)
show([instance.name for instance in user.list_instances()])
print("pause", flush=True)
input()
clock.set_forward(datetime.timedelta(seconds=500), auth)
show(who(user))

service = YamcsClient(
    url, credentials=Credentials(client_id=client_id, client_secret=client_secret, become=username)
)
show(who(service))
show(who(YamcsClient(url, credentials=APIKeyCredentials(api_key))))
show(who(YamcsClient(url, credentials=BasicAuthCredentials(username, password))))

for credentials in (Credentials(username=username, password=password + "x"), APIKeyCredentials(api_key + "x")):
    try:
        who(YamcsClient(url, credentials=credentials))
    except Unauthorized as error:
        show(type(error).__name__)
