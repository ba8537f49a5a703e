"""What a project's own views build on: a request becomes an event, an answer becomes a response.

    class Cancel(DomainView):
        @described(takes=CustomerCanceled, answers=OrderAnswer)
        def post(self, request, pk):
            order = self.order(pk)
            return self.drive(order.instance, self.event(CustomerCanceled), lambda: answer(order))

`Webhook` does so for messages of others' systems. Limits: whose the instance is, the view decides by how it finds it;
who may send what, the machine's policy.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, NamedTuple, TypeVar

from msgspec.structs import replace
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from statemachines import engine
from statemachines.actors import ANONYMOUS
from statemachines.core.events import Actor, AnyEvent, Event, event_type
from statemachines.exceptions import InstanceExists, InstanceNotFound, NotAllowed
from statemachines.models import MachineInstance
from statemachines.registry import of

from . import base
from .base import StateMachineView, marked
from .operations import KEY, Operation
from .queries import asked

ORIGIN = "rest"

Method = TypeVar("Method", bound=Callable[..., Any])


def described(
    *,
    takes: Any = None,
    given: Collection[str] = (),
    answers: Any = None,
    query: Any = None,
    problems: Collection[int] = (),
    keyed: bool = False,
) -> Callable[[Method], Method]:
    """Say for the API's description what a method or an action of a view takes and answers.

    `takes`: the type of the body; an event's comes without its name, and without the fields `given` by the address.
    `answers`: the type of the answer, or another serializer than the view's. `query`: the type of the parameters;
    others are refused. `problems`: the statuses of further problems. `keyed`: an Idempotency-Key is heeded; with an
    event it always is.
    """

    def mark(method: Method) -> Method:
        is_event = isinstance(takes, type) and issubclass(takes, Event)
        method.operation = Operation(  # type: ignore[attr-defined]
            id="",
            summary="",
            response=answers,
            request=takes,
            given=tuple(given),
            query=query,
            headers=(KEY,) if is_event or keyed else (),
            problems=(*problems, *((409,) if is_event else ())),
        )
        return method

    return mark


class DomainView(StateMachineView):
    """A view of a project: of its models and serializers what it likes, errors and events as everywhere here."""

    http_method_names = ["get", "post", "put", "patch", "delete", "head"]

    def check_permissions(self, request: Request) -> None:
        """Answer who is not signed in by 401, before any of the project's permissions are asked."""
        if not self.anonymous and self.actor == ANONYMOUS:
            raise NotAuthenticated
        super().check_permissions(request)

    def initial(self, request: Request, *given: Any, **named: Any) -> None:
        """Read the parameters that are described into `query`. Raises InvalidValue."""
        super().initial(request, *given, **named)
        told = self.operation(str(request.method))
        self.query: Any = None if told.query is None else asked(told.query, request.query_params)

    def operation(self, method: str) -> Operation:
        """Return what a method, or the current action, is; as `described`, and as the router names it."""
        action = getattr(self, "action", None) or method.lower()
        told = getattr(getattr(self, action, None), "operation", Operation("", ""))
        if getattr(self, "detail", None) is not False:
            told = replace(told, problems=(*told.problems, 404))
        if basename := getattr(self, "basename", None):
            words = f"{action} {basename}".replace("_", " ").replace("-", " ").capitalize()
            named = f"{basename}_{action}".replace("-", "_")
            told = replace(told, id=named, summary=f"{words}.", status=201 if action == "create" else 200)
        return told

    def event(self, kind: type[Event], **more: Any) -> Any:
        """Read the event whose payload is the request's body, and what the address says of it. Raises InvalidValue."""
        return self.read(kind, f"event {event_type(kind)}", type=event_type(kind), **more)

    def drive(self, instance: MachineInstance, event: AnyEvent, answer: Callable[[], Any]) -> Response:
        """Send an event on behalf of who asks, under their Idempotency-Key; answer with what `answer` returns then."""
        sent = engine.send(
            instance,
            event,
            actor=self.actor,
            origin=ORIGIN,
            idempotency_key=self.idempotency_key,
            lock_timeout=base.LOCK_WAIT,
            using=self.using,
        )
        return Response(answer(), headers=marked(sent.replayed))


class Message(NamedTuple):
    """What a webhook's request means: an event for the instance with a key; `data` to create it from, if missing.

    `id` is the sender's own name for the message, so that one that is delivered twice is taken once.
    """

    key: str
    event: AnyEvent
    id: str | None = None
    data: Any = None


class Webhook(StateMachineView):
    """Messages of somebody else's system: verified, mapped to an instance and an event, answered by a function.

    `machine`: the stored name. `creates`: create the instance where it is missing. The sender is `sender`, and the
    project itself acts for it: who it is, the signature says.
    """

    machine = ""
    creates = False
    sender = Actor("webhook")
    authentication_classes: Any = []
    http_method_names = ["post"]

    def operation(self, method: str) -> Operation:
        return Operation("", "Take a message.", {}, request={"type": "object"}, problems=(404, 409))

    def explorable(self, actor: Actor) -> bool:
        """It is no business of those who use the API."""
        return False

    def verify(self, request: Request) -> bool:
        """Say whether the request is the sender's, by the signature over `request.body`."""
        raise NotImplementedError

    def map(self, request: Request) -> Message | None:
        """Return what the request means; None where it means nothing to this machine. Raises InvalidValue."""
        raise NotImplementedError

    def answer(self, instance: MachineInstance) -> Any:
        """Return what the sender is told."""
        return {}

    def post(self, request: Request) -> Response:
        request.body  # noqa: B018  # read before it is parsed: the signature is over its bytes
        if not self.verify(request):
            raise NotAllowed("The signature does not fit the body.")
        message = self.map(request)
        if message is None:
            return Response(None, 204)
        sent = engine.send(
            self.instance(message),
            message.event,
            actor=self.sender,
            system=True,
            origin="webhook",
            idempotency_key=message.id,
            lock_timeout=base.LOCK_WAIT,
            using=self.using,
        )
        return Response(self.answer(sent.instance), headers=marked(sent.replayed))

    def instance(self, message: Message) -> MachineInstance:
        """Return the instance that a message is about. Raises InstanceNotFound."""
        rows = MachineInstance.objects.using(self.using).filter(machine=of(self.machine).name, key=message.key)
        found: MachineInstance | None = rows.first()
        if found is None and self.creates:
            try:
                return engine.create(
                    self.machine,
                    message.key,
                    data=message.data,
                    actor=self.sender,
                    system=True,
                    origin="webhook",
                    using=self.using,
                )
            except InstanceExists:  # another message has just created it
                found = rows.first()
        if found is None:
            raise InstanceNotFound(message.key)
        return found
