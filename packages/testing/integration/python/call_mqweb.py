"""pymqrest in its modes of authentication. Prints a JSON value a line."""

import json
import sys

from pymqrest.auth import BasicAuth, LTPAAuth
from pymqrest.exceptions import MQRESTError
from pymqrest.session import MQRESTSession

base_url, username, password = sys.argv[1:]


def show(value):
    print(json.dumps(value), flush=True)


def queues(session):
    """The status and what pymqrest makes of it: to pymqrest a 401 is an empty list."""
    rows = session.display_queue("DEV.*")
    return [session.last_http_status, [row["queue_name"] for row in rows]]


basic = MQRESTSession(base_url, "QM1", credentials=BasicAuth(username, password))
show(queues(basic))

ltpa = MQRESTSession(base_url, "QM1", credentials=LTPAAuth(username, password))
show(queues(ltpa))
print("pause", flush=True)
input()
show(queues(ltpa))
show(queues(MQRESTSession(base_url, "QM1", credentials=LTPAAuth(username, password))))

try:
    MQRESTSession(base_url, "QM1", credentials=LTPAAuth(username, password + "x"))
except MQRESTError as error:
    show([type(error).__name__, error.status_code])
