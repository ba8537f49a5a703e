"""The addresses of the site."""

from django.urls import path

from . import customer, front, working

app_name = "site"

restaurant, courier = working.views("restaurant"), working.views("courier")

urlpatterns = [
    path("", front.front, name="front"),
    path("sign-in/", front.sign_in, name="sign_in"),
    path("speed/", front.speed, name="speed"),
    path("stage/", front.stage, name="stage"),
    path("stage/live/", front.stage_live, name="stage_live"),
    path("customer/", customer.home, name="customer"),
    path("customer/restaurants/<int:pk>/", customer.menu, name="menu"),
    path("customer/orders/", customer.orders, name="orders"),
    path("customer/orders/<int:pk>/", customer.order, name="order"),
    path("customer/orders/<int:pk>/live/", customer.follow, name="order_live"),
    path("customer/orders/<int:pk>/behind/", working.scenes("customer"), name="order_behind"),
    path("customer/orders/<int:pk>/<str:name>/", customer.send_event, name="customer_send"),
    path("customer/mails/", customer.mails, name="mails"),
    path("customer/mails/unsubscribe/", customer.unsubscribe, name="unsubscribe"),
    path("customer/mails/behind/", customer.behind_mails, name="mails_behind"),
    path("customer/behind/", working.scenes("customer"), name="customer_behind"),
    path("customer/live/", working.stream("customer"), name="customer_live"),
    path("restaurant/", restaurant["home"], name="restaurant"),
    path("restaurant/live/", working.stream("restaurant"), name="restaurant_live"),
    path("restaurant/behind/", working.scenes("restaurant"), name="restaurant_behind"),
    path("restaurant/orders/<int:pk>/<str:name>/", restaurant["send_event"], name="restaurant_send"),
    path("courier/", courier["home"], name="courier"),
    path("courier/live/", working.stream("courier"), name="courier_live"),
    path("courier/behind/", working.scenes("courier"), name="courier_behind"),
    path("courier/at-work/", working.at_work, name="at_work"),
    path("courier/orders/<int:pk>/<str:name>/", courier["send_event"], name="courier_send"),
]
