"""moto's server, mended for long runs of checks.

moto keeps every model that it ever made, and copies all objects of a bucket for each list of versions: gigabytes after a few
hundred checks. A model that nothing refers to is given up here. And its threads share dictionaries without a lock: a listing
beside a write could end with 500. One request is answered at a time here, once its body is there.
"""
import io
import sys
import threading

from moto.core.common_models import BaseModel
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.server import main

BaseModel.__new__ = lambda model, *args, **kwargs: object.__new__(model)

answer = DomainDispatcherApplication.__call__
turn = threading.Lock()


def in_turn(application, environ, start_response):
    if environ.get("CONTENT_LENGTH"):
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    with turn:
        return answer(application, environ, start_response)


DomainDispatcherApplication.__call__ = in_turn
main(sys.argv[1:])
