"""The addresses of the orders' API, below where the project puts it."""

from rest_framework.routers import SimpleRouter

from statemachines.api.base import NOWHERE

from . import views

router = SimpleRouter(use_regex_path=False)
router.register("restaurants", views.Restaurants)
router.register("customer/orders", views.CustomerOrders, basename="customer-order")
router.register("customer/onboarding", views.CustomerOnboarding, basename="customer-onboarding")
router.register("restaurant/orders", views.RestaurantOrders, basename="restaurant-order")
router.register("courier/offers", views.CourierOffers, basename="courier-offer")
router.register("courier/deliveries", views.CourierDeliveries, basename="courier-delivery")

urlpatterns = [*router.urls, NOWHERE]
