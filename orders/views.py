"""The API of customers, restaurants and couriers. A request becomes an event; whether it fits, the machine says.

Limits: what is not somebody's own is not there for them (404), what is not their role is forbidden (403).
"""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, Any

from django.db.models import QuerySet
from msgspec import UNSET, Meta, Struct, UnsetType
from rest_framework import mixins, permissions, status, viewsets
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from statemachines import Event, InvalidValue
from statemachines.api.base import marked
from statemachines.api.domain import DomainView, described
from statemachines.models import MachineInstance

from .events import (
    CourierAccepted,
    CourierRejected,
    CustomerCanceled,
    OrderDelivered,
    RestaurantAccepted,
    RestaurantRejected,
)
from .models import Dish, Offer, Order, Restaurant
from .onboarding.data import Unsubscribed
from .onboarding.start import NAME as ONBOARDING
from .serializers import (
    OfferSerializer,
    Onboarding,
    OrderSerializer,
    RestaurantSerializer,
    onboarding,
)
from .services import place_order


class IsRestaurant(permissions.BasePermission):
    message = "Only who owns a restaurant may do this."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return Restaurant.objects.filter(owner=request.user).exists()


class IsCourier(permissions.BasePermission):
    message = "Only couriers may do this."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return hasattr(request.user, "courier")


class Pages(LimitOffsetPagination):
    default_limit = 100
    max_limit = 500


class Page(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which page of a list."""

    limit: Annotated[int, Meta(ge=1, le=Pages.max_limit)] = Pages.default_limit
    offset: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0


class InState(Page, kw_only=True):
    """Which page of the orders in a state, as `standard.order_ready`."""

    state: Annotated[str, Meta(min_length=1, max_length=200)] | UnsetType = UNSET


class NewItem(Struct, forbid_unknown_fields=True):
    dish: int
    quantity: Annotated[int, Meta(ge=1, le=99)] = 1


class NewOrder(Struct, forbid_unknown_fields=True):
    restaurant: int
    address: Annotated[str, Meta(min_length=1, max_length=200)]
    items: Annotated[list[NewItem], Meta(min_length=1, max_length=50)]


class OrderAPI(DomainView, viewsets.GenericViewSet[Any]):
    """What all views of orders share: an event goes to the order's machine, and the order is the answer."""

    def send(self, order: Order, event: Event) -> Response:
        return self.drive(order.instance, event, lambda: OrderSerializer(order).data)


class Orders(OrderAPI, mixins.ListModelMixin, mixins.RetrieveModelMixin):
    """Orders of somebody; `?state=standard.order_ready` keeps those in a state."""

    serializer_class = OrderSerializer
    pagination_class = Pages
    lookup_value_converter = "int"
    filter_backends: Any = []

    @described(query=InState)
    def list(self, request: Request) -> Response:
        return super().list(request)

    def own(self) -> QuerySet[Order]:
        """Return the orders that the user may see."""
        raise NotImplementedError

    def get_queryset(self) -> QuerySet[Order]:
        found = self.own().select_related("instance", "restaurant").prefetch_related("items")
        return found.in_state(self.query.state) if self.query and self.query.state else found

    @action(detail=False)
    @described(answers=dict[str, int])
    def counts(self, request: Request) -> Response:
        """Count the orders by state."""
        return Response(self.own().count_by_state())


class CustomerOrders(Orders):
    """Customers place, see and cancel their orders."""

    def own(self) -> QuerySet[Order]:
        return Order.objects.filter(customer=self.request.user)

    @described(takes=NewOrder, keyed=True)
    def create(self, request: Request) -> Response:
        wanted = self.read(NewOrder, "order")
        restaurant = Restaurant.objects.filter(pk=wanted.restaurant).first()
        if restaurant is None:
            raise InvalidValue("order", field="restaurant", expected="a restaurant", received=str(wanted.restaurant))
        dishes = {dish.pk: dish for dish in restaurant.dishes.all()}
        basket = chosen(wanted.items, dishes)
        key = self.idempotency_key or ""
        key = key if len(key) <= 100 else sha256(key.encode()).hexdigest()
        replayed = bool(key) and self.own().filter(request_key=key).exists()
        order = place_order(request.user, restaurant, basket, wanted.address, request_key=key)
        return Response(OrderSerializer(order).data, status.HTTP_201_CREATED, headers=marked(replayed))

    @action(detail=True, methods=["post"])
    @described(takes=CustomerCanceled)
    def cancel(self, request: Request, pk: int) -> Response:
        return self.send(self.get_object(), self.event(CustomerCanceled))


def chosen(items: list[NewItem], menu: dict[int, Dish]) -> dict[Dish, int]:
    """Look the dishes up that were ordered. Raises InvalidValue where one is not on the menu."""
    found: dict[Dish, int] = {}
    for index, item in enumerate(items):
        if item.dish not in menu:
            field, expected = f"items[{index}].dish", "a dish on the restaurant's menu"
            raise InvalidValue("order", field=field, expected=expected, received=str(item.dish))
        found[menu[item.dish]] = found.get(menu[item.dish], 0) + item.quantity
    return found


class CustomerOnboarding(DomainView, viewsets.GenericViewSet[Any]):
    """Customers see their onboarding, which is there from their first delivered order on, and leave it."""

    def get_object(self) -> MachineInstance:
        return get_object_or_404(MachineInstance.objects.of(ONBOARDING), key=str(self.request.user.pk))

    @described(answers=Onboarding, problems=[404])
    def list(self, request: Request) -> Response:
        return Response(onboarding(self.get_object()))

    @action(detail=False, methods=["post"])
    @described(takes=Unsubscribed, answers=Onboarding, problems=[404])
    def unsubscribe(self, request: Request) -> Response:
        instance = self.get_object()
        return self.drive(instance, self.event(Unsubscribed), lambda: onboarding(instance))


class RestaurantOrders(Orders):
    """Restaurants see the orders of their restaurants, accept and reject them, and deliver where they do that."""

    permission_classes = [IsRestaurant]

    def own(self) -> QuerySet[Order]:
        return Order.objects.of_restaurants_of(self.request.user)

    @action(detail=True, methods=["post"])
    @described(takes=RestaurantAccepted)
    def accept(self, request: Request, pk: int) -> Response:
        return self.send(self.get_object(), self.event(RestaurantAccepted))

    @action(detail=True, methods=["post"])
    @described(takes=RestaurantRejected)
    def reject(self, request: Request, pk: int) -> Response:
        return self.send(self.get_object(), self.event(RestaurantRejected))

    @action(detail=True, methods=["post"])
    @described(takes=OrderDelivered)
    def delivered(self, request: Request, pk: int) -> Response:
        return self.send(self.get_object(), self.event(OrderDelivered))


class CourierOffers(OrderAPI, mixins.ListModelMixin, mixins.RetrieveModelMixin):
    """Couriers see the open offers made to them, accept and reject them."""

    permission_classes = [IsCourier]
    serializer_class = OfferSerializer
    lookup_value_converter = "int"

    def get_queryset(self) -> QuerySet[Offer]:
        mine = Offer.objects.filter(courier=self.request.user.courier)
        mine = mine.select_related("order__instance", "order__restaurant").prefetch_related("order__items")
        return mine.open() if self.action == "list" else mine

    @action(detail=True, methods=["post"])
    @described(takes=CourierAccepted, given=["offer"], answers=OrderSerializer)
    def accept(self, request: Request, pk: int) -> Response:
        return self.answer(CourierAccepted)

    @action(detail=True, methods=["post"])
    @described(takes=CourierRejected, given=["offer"], answers=OrderSerializer)
    def reject(self, request: Request, pk: int) -> Response:
        return self.answer(CourierRejected)

    def answer(self, kind: type[Event]) -> Response:
        """Send a courier's answer, which names the offer by its number."""
        offer = self.get_object()
        return self.send(offer.order, self.event(kind, offer=offer.number))


class CourierDeliveries(Orders):
    """Couriers see the orders that they carry, deliver them, and report that a shop does not sell."""

    permission_classes = [IsCourier]

    def own(self) -> QuerySet[Order]:
        return Order.objects.delivered_by(self.request.user.courier)

    @action(detail=True, methods=["post"])
    @described(takes=OrderDelivered)
    def delivered(self, request: Request, pk: int) -> Response:
        return self.send(self.get_object(), self.event(OrderDelivered))

    @action(detail=True, methods=["post"], url_path="restaurant-rejected")
    @described(takes=RestaurantRejected)
    def restaurant_rejected(self, request: Request, pk: int) -> Response:
        return self.send(self.get_object(), self.event(RestaurantRejected))


class Restaurants(OrderAPI, mixins.ListModelMixin, mixins.RetrieveModelMixin):
    """Everybody who is signed in sees the restaurants and their menus."""

    queryset = Restaurant.objects.prefetch_related("dishes").order_by("name")
    serializer_class = RestaurantSerializer
    pagination_class = Pages

    @described(query=Page)
    def list(self, request: Request) -> Response:
        return super().list(request)
