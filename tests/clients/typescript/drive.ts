// A customer orders from a shop, a courier buys and delivers: node drive.js URL CUSTOMER COURIER SHOP
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { argv: string[] };
const [url, customer, courier, shop] = process.argv.slice(2) as [string, string, string, string];

function clientOf(user: string) {
  return createClient<paths>({ baseUrl: url, headers: { Authorization: `Basic ${btoa(`${user}:secret`)}` } });
}

function told<T>(answer: { data?: T; error?: components["schemas"]["Problem"] }): T {
  if (answer.data === undefined) throw new Error(answer.error?.detail);
  return answer.data;
}

const [asCustomer, asCourier] = [clientOf(customer), clientOf(courier)];
const menu = told(await asCustomer.GET("/api/restaurants/")).results.find((one) => one.name === shop);
const dish = menu?.dishes[0];
if (menu === undefined || dish === undefined) throw new Error(`${shop} has no menu`);
const body = { restaurant: menu.id, address: "Meent 12", items: [{ dish: dish.id, quantity: 2 }] };
const order = told(await asCustomer.POST("/api/customer/orders/", { body }));

const [offer] = told(await asCourier.GET("/api/courier/offers/"));
if (offer === undefined) throw new Error("no offer was made");
told(await asCourier.POST("/api/courier/offers/{id}/accept/", { params: { path: { id: offer.id } }, body: {} }));

const query = { state: "courier_driven" };
const [instance] = told(await asCourier.GET("/api/machines/orders.order/instances/", { params: { query } })).items;
if (instance === undefined) throw new Error("the courier does not see the order");
const params = { path: { id: instance.id } };
told(await asCourier.POST("/api/machines/orders.order/instances/{id}/events/order_delivered/", { params }));
const again = await asCourier.POST("/api/machines/orders.order/instances/{id}/events/", {
  params,
  body: { type: "order_delivered" },
});
const end = told(await asCustomer.GET("/api/customer/orders/{id}/", { params: { path: { id: order.id } } }));
console.log(JSON.stringify({ state: end.state, courier: end.courier, again: again.error?.code }));
