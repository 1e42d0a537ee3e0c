"""moto's server, mended for long runs of checks.

moto keeps every model that it ever made, and copies all objects of a bucket for each list of versions: gigabytes after a few
hundred checks. A model that nothing refers to is given up here. And its threads share dictionaries without a lock: a read
beside a write can end with 500. Such a read is made again. (One request at a time would be worse: a list of versions can take
longer than clients wait.)
"""
import sys

from moto.core.common_models import BaseModel
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.server import main

BaseModel.__new__ = lambda model, *args, **kwargs: object.__new__(model)

ATTEMPTS = 3
answer = DomainDispatcherApplication.__call__


def answer_reads_again(application, environ, start_response):
    if environ["REQUEST_METHOD"] != "GET":
        return answer(application, environ, start_response)
    for _ in range(ATTEMPTS):
        heads = []
        body = answer(application, environ, lambda *head: heads.append(head))
        if not heads[-1][0].startswith("500"):
            break
    start_response(*heads[-1])
    return body


DomainDispatcherApplication.__call__ = answer_reads_again
main(sys.argv[1:])
