"""Changes of a live shop's catalogue: products, variants, collections, publications, metaobjects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neanelu.sandbox import payloads
from neanelu.sandbox import vocabulary as words
from neanelu.sandbox.generator import MAX_VARIANTS, Obj, _decimal
from neanelu.sandbox.live_state import Level, Levels, LiveState, number_of

#: Fields of the Admin API that `update_product` may set; and so on.
PRODUCT_FIELDS = frozenset(
    ["title", "descriptionHtml", "vendor", "productType", "status", "tags", "handle", "templateSuffix", "seo", "isGiftCard"]
)  # fmt: skip
VARIANT_FIELDS = frozenset(["price", "compareAtPrice", "sku", "barcode", "inventoryPolicy", "taxable"])
ITEM_FIELDS = frozenset(["unitCost", "requiresShipping", "tracked", "countryCodeOfOrigin", "measurement"])
COLLECTION_FIELDS = frozenset(["title", "descriptionHtml", "handle", "sortOrder", "templateSuffix", "seo"])


def only(given: dict[str, Any], allowed: frozenset[str]) -> None:
    """Refuse names that are not allowed (TypeError)."""
    unknown = set(given) - allowed
    if unknown:
        raise TypeError(f"cannot set {', '.join(sorted(unknown))}; only {', '.join(sorted(allowed))}")


class CatalogChanges(LiveState):
    """What can happen to products, collections, publications and metaobjects."""

    # -- products ------------------------------------------------------------------------------------------

    def create_product(self, variants: int | None = None, **values: Any) -> str:
        """Add a product and return its id.

        Args:
            variants: how many, up to 2,048; None for what the seed says.
            values: fields of `PRODUCT_FIELDS` that differ from the generated ones.
        """
        only(values, PRODUCT_FIELDS)
        if variants is not None and not 1 <= variants <= MAX_VARIANTS:
            raise ValueError(f"a product has 1 to {MAX_VARIANTS} variants")
        index = self._next["products"]
        self._next["products"] += 1
        made = self.base.product(index)
        assert made is not None
        at = self.stamp()
        if variants is not None:
            made["variants"] = self._generate_variants(index, variants, at)
        for part in (made, *made["media"], *made["metafields"], *made["variants"]):
            part.update({k: at for k in ("createdAt", "updatedAt") if k in part})
        for variant in made["variants"]:
            for field in variant["metafields"]:
                field.update(createdAt=at, updatedAt=at)
        made["_published"] = [{**entry, "publishDate": at} for entry in made.pop("resourcePublicationsV2")()]
        self._own(made)
        made = self._derived({**made, **self._texts(made, values), "publishedAt": at})
        with self.action():
            self.products[made["id"]] = made
            self.emit("products/create", payloads.product(self, made))
            for variant in made["variants"]:
                self._announce_item(variant)
            for entry in made["_published"]:
                body = payloads.product_publication(self, made, entry, at)
                self.emit("product_publications/create", body)
        return str(made["id"])

    def _generate_variants(self, index: int, count: int, at: str) -> list[Obj]:
        """Return so many variants in the generator's way."""
        u = self.base._draw(b"p", index)
        kind = words.KINDS[u[2] % len(words.KINDS)]
        slug = words.VENDORS[u[3] % len(words.VENDORS)][1]
        made = self.base._variants(index, u, 0, kind, slug, f"L{index}", count, count, at, at, 0, 0)
        return made[0]

    @staticmethod
    def _texts(product: Obj, values: dict[str, Any]) -> Obj:
        """Return values with what follows from them."""
        found = dict(values)
        if "descriptionHtml" in values:
            found["description"] = str(values["descriptionHtml"])
        if "tags" in values:
            found["tags"] = sorted(values["tags"])
        return found

    def _derived(self, product: Obj) -> Obj:
        """Return a product with what follows from its variants."""
        variants = [{**v, "position": n} for n, v in enumerate(product["variants"], 1)]
        prices = [round(float(v["price"]) * 100) for v in variants]
        compared = [round(float(v["compareAtPrice"]) * 100) for v in variants if v["compareAtPrice"]]
        currency = self.spec.currency
        names = list(dict.fromkeys(o["name"] for v in variants for o in v["selectedOptions"]))
        values = {
            n: list(
                dict.fromkeys(o["value"] for v in variants for o in v["selectedOptions"] if o["name"] == n)
            )
            for n in names
        }

        def money(cents: int) -> Obj:
            return {"amount": _decimal(cents), "currencyCode": currency}

        return {
            **product,
            "variants": variants,
            "options": [{"name": n, "position": p, "values": values[n]} for p, n in enumerate(names, 1)],
            "hasOnlyDefaultVariant": len(variants) == 1 and variants[0]["title"] == "Default Title",
            "hasOutOfStockVariants": any(v["inventoryQuantity"] <= 0 for v in variants),
            "variantsCount": {"count": len(variants), "precision": "EXACT"},
            "priceRangeV2": {"minVariantPrice": money(min(prices)), "maxVariantPrice": money(max(prices))},
            "compareAtPriceRange": {
                "minVariantCompareAtPrice": money(min(compared)),
                "maxVariantCompareAtPrice": money(max(compared)),
            }
            if compared
            else None,
        }

    def _announce_item(self, variant: Obj) -> None:
        """Tell of a new variant's inventory item and where it is stocked."""
        self.emit("inventory_items/create", payloads.inventory_item(self, variant))
        item = number_of(variant["inventoryItem"]["id"])
        for place in self.levels[item]:
            self.emit("inventory_levels/connect", payloads.inventory_level(self, item, place))

    def _put_product(self, product: Obj, **values: Any) -> Obj:
        """Put a changed product in its place and tell of it."""
        changed = self._derived({**product, **values, "updatedAt": self.stamp(product["updatedAt"])})
        self.products[changed["id"]] = changed
        self.emit("products/update", payloads.product(self, changed))
        return changed

    def update_product(self, product: str | int, **values: Any) -> str:
        """Set fields of `PRODUCT_FIELDS`; return the product's id."""
        only(values, PRODUCT_FIELDS)
        held = self.find("products", product)
        with self.action():
            self._put_product(held, **self._texts(held, values))
        return str(held["id"])

    def delete_product(self, product: str | int) -> str:
        """Delete a product with its variants, inventory items and memberships; return its id."""
        held = self.find("products", product)
        with self.action():
            del self.products[held["id"]]
            self.deleted_products[held["id"]] = held
            self.emit("products/delete", {"id": number_of(held["id"])})
            for variant in held["variants"]:
                self._forget_variant(variant)
            for gid, collection in list(self.collections.items()):
                if held["id"] in collection["_members"]:
                    members = [m for m in collection["_members"] if m != held["id"]]
                    self.collections[gid] = {**collection, "_members": members}
        return str(held["id"])

    def restore_product(self, product: str) -> str:
        """Bring a deleted product back under its id, without stock; return its id.

        Raises:
            KeyError: no such product was deleted.
        """
        held = self.deleted_products.pop(product)
        at = self.stamp(held["updatedAt"])
        with self.action():
            variants = []
            for variant in held["variants"]:
                item = variant["inventoryItem"]
                self.variant_owner[variant["id"]] = product
                self.item_owner[item["id"]] = variant["id"]
                self.levels[number_of(item["id"])] = {}
                variants.append({**variant, "inventoryQuantity": 0, "updatedAt": at})
            back = self._derived({**held, "variants": variants, "updatedAt": at})
            self.products[product] = back
            self.emit("products/create", payloads.product(self, back))
            for variant in variants:
                self._announce_item(variant)
        return product

    def set_metafield(self, product: str | int, namespace: str, key: str, value: str, kind: str) -> str:
        """Set a metafield of a product; return the metafield's id."""
        held = self.find("products", product)
        at = self.stamp(held["updatedAt"])
        fields = list(held["metafields"])
        place = next(
            (n for n, f in enumerate(fields) if (f["namespace"], f["key"]) == (namespace, key)), None
        )
        if place is None:
            self._next["metafields"] = self._next.get("metafields", 0) + 1
            gid = f"gid://shopify/Metafield/{99_000_000_000_000 + self._next['metafields']}"
            fields.append({"__typename": "Metafield", "id": gid, "createdAt": at})
            place = len(fields) - 1
        fields[place] = {
            **fields[place],
            "namespace": namespace,
            "key": key,
            "type": kind,
            "value": value,
            "updatedAt": at,
        }
        with self.action():
            self._put_product(held, metafields=fields)
        return str(fields[place]["id"])

    # -- variants ------------------------------------------------------------------------------------------

    def add_variants(self, product: str | int, count: int = 1, **values: Any) -> list[str]:
        """Add variants to a product, stocked at the first location with nothing; return their ids."""
        only(values, VARIANT_FIELDS)
        held = self.find("products", product)
        if len(held["variants"]) + count > MAX_VARIANTS:
            raise ValueError(f"a product has at most {MAX_VARIANTS} variants")
        at = self.stamp(held["updatedAt"])
        pattern = held["variants"][0]
        place = next(iter(self.locations), None)
        made = []
        with self.action():
            for _ in range(count):
                self._next["variants"] = self._next.get("variants", 0) + 1
                nth = self._next["variants"]
                number = 90_000_000_000_000 + (self.base._space & 0xFF_FFFF_FFFF_FFFF) + nth * 7
                option = (
                    pattern["selectedOptions"][0]["name"] if pattern["title"] != "Default Title" else "Title"
                )
                rest = pattern["selectedOptions"][1:]
                chosen = [{"name": option, "value": f"nou {nth}"}, *rest]
                item = {
                    **pattern["inventoryItem"],
                    "id": f"gid://shopify/InventoryItem/{number + 3}",
                    "createdAt": at,
                    "updatedAt": at,
                }
                variant = {
                    **pattern,
                    "id": f"gid://shopify/ProductVariant/{number}",
                    "legacyResourceId": str(number),
                    "title": " / ".join(o["value"] for o in chosen),
                    "sku": f"NOU-{nth}",
                    "barcode": None,
                    "selectedOptions": chosen,
                    "inventoryItem": item,
                    "inventoryQuantity": 0,
                    "image": None,
                    "metafields": [],
                    "createdAt": at,
                    "updatedAt": at,
                    **values,
                }
                variant["availableForSale"] = variant["inventoryPolicy"] == "CONTINUE"
                self.variant_owner[variant["id"]] = held["id"]
                self.item_owner[item["id"]] = variant["id"]
                levels: Levels = {number_of(place): Level(0, created_at=at, updated_at=at)} if place else {}
                self.levels[number + 3] = levels
                made.append(variant)
            self._put_product(held, variants=[*held["variants"], *made])
            for variant in made:
                self._announce_item(variant)
        return [v["id"] for v in made]

    def update_variant(self, variant: str, **values: Any) -> str:
        """Set fields of `VARIANT_FIELDS` and `ITEM_FIELDS` of a variant; return its id."""
        only(values, VARIANT_FIELDS | ITEM_FIELDS)
        product, held = self.variant(variant)
        item = held["inventoryItem"]
        own = {k: v for k, v in values.items() if k in ITEM_FIELDS}
        if "unitCost" in own and not isinstance(own["unitCost"], dict | None):
            own["unitCost"] = {"amount": str(own["unitCost"]), "currencyCode": self.spec.currency}
        changed = {**held, **{k: v for k, v in values.items() if k in VARIANT_FIELDS}}
        with self.action():
            if own or "sku" in values:
                changed["inventoryItem"] = {**item, **own, "updatedAt": self.stamp(item["updatedAt"])}
            self._put_variant(product, changed)
            if own or "sku" in values:
                self.emit("inventory_items/update", payloads.inventory_item(self, changed))
        return str(held["id"])

    def set_price(self, variant: str, price: str, compare_at: str | None = None) -> str:
        """Set a variant's price, `12.50`; return its id."""
        return self.update_variant(variant, price=price, compareAtPrice=compare_at)

    def _put_variant(self, product: Obj, changed: Obj) -> Obj:
        """Put a changed variant in its place, and its product; return the variant."""
        quantity = changed["inventoryQuantity"]
        changed = {
            **changed,
            "updatedAt": self.stamp(changed["updatedAt"]),
            "availableForSale": quantity > 0 or changed["inventoryPolicy"] == "CONTINUE",
        }
        variants = [changed if v["id"] == changed["id"] else v for v in product["variants"]]
        self._put_product(product, variants=variants)
        return changed

    def delete_variant(self, variant: str) -> str:
        """Delete a variant that is not its product's only one; return its id."""
        product, held = self.variant(variant)
        if len(product["variants"]) == 1:
            raise ValueError("a product keeps one variant")
        with self.action():
            rest = [v for v in product["variants"] if v["id"] != held["id"]]
            self._put_product(product, variants=rest)
            self._forget_variant(held)
        return str(held["id"])

    def _forget_variant(self, variant: Obj) -> None:
        gid = variant["inventoryItem"]["id"]
        del self.variant_owner[variant["id"]]
        del self.item_owner[gid]
        del self.levels[number_of(gid)]
        self.emit("inventory_items/delete", payloads.inventory_item_deleted(gid))

    # -- publications --------------------------------------------------------------------------------------

    def publish_product(self, product: str | int, publication: str | int, published: bool = True) -> str:
        """Publish a product in a channel, or (not `published`) plan to; return the publication's id."""
        held = self.find("products", product)
        channel = self.find("publications", publication)
        known = next((e for e in held["_published"] if e["publication"]["id"] == channel["id"]), None)
        at = self.stamp(held["updatedAt"])
        entry = {
            "__typename": "ResourcePublicationV2",
            "publication": {"__typename": "Publication", "id": channel["id"]},
            "isPublished": published,
            "publishDate": at,
        }
        entries = [e for e in held["_published"] if e is not known] + [entry]
        with self.action():
            topic = "product_publications/update" if known else "product_publications/create"
            changed = self._put_product(held, _published=entries)
            self.emit(topic, payloads.product_publication(self, changed, entry, at))
        return str(channel["id"])

    def unpublish_product(self, product: str | int, publication: str | int) -> str:
        """Take a product from a channel; return the publication's id (KeyError when it was not there)."""
        held = self.find("products", product)
        channel = self.find("publications", publication)["id"]
        rest = [e for e in held["_published"] if e["publication"]["id"] != channel]
        if len(rest) == len(held["_published"]):
            raise KeyError(f"{held['id']} is not published there")
        with self.action():
            self._put_product(held, _published=rest)
            body = {"id": payloads.publication_number(held["id"], channel)}
            self.emit("product_publications/delete", body)
        return str(channel)

    # -- collections ---------------------------------------------------------------------------------------

    def create_collection(self, products: Sequence[str | int] = (), **values: Any) -> str:
        """Add a collection that is filled by hand; return its id."""
        only(values, COLLECTION_FIELDS)
        index = self._next["collections"]
        self._next["collections"] += 1
        made = self.base.collection(index)
        assert made is not None
        del made["products"]
        at = self.stamp()
        entries = [{**e, "publishDate": at} for e in made.pop("resourcePublicationsV2")()]
        members = [self.find("products", p)["id"] for p in products]
        made.update(ruleSet=None, updatedAt=at, _members=members, _published=entries)
        made.update(self._texts(made, values))
        with self.action():
            self.collections[made["id"]] = made
            self.emit("collections/create", payloads.collection(self, made))
        return str(made["id"])

    def _put_collection(self, held: Obj, **values: Any) -> str:
        changed = {**held, **values, "updatedAt": self.stamp(held["updatedAt"])}
        with self.action():
            self.collections[held["id"]] = changed
            self.emit("collections/update", payloads.collection(self, changed))
        return str(held["id"])

    def update_collection(self, collection: str | int, **values: Any) -> str:
        """Set fields of `COLLECTION_FIELDS`; return the collection's id."""
        only(values, COLLECTION_FIELDS)
        held = self.find("collections", collection)
        return self._put_collection(held, **self._texts(held, values))

    def set_members(self, collection: str | int, products: Sequence[str | int]) -> str:
        """Set the members of a collection that is filled by hand, in order; return its id."""
        held = self.find("collections", collection)
        if held["ruleSet"]:
            raise ValueError("a collection by rules chooses its members itself")
        members = list(dict.fromkeys(self.find("products", p)["id"] for p in products))
        return self._put_collection(held, _members=members)

    def add_to_collection(self, collection: str | int, products: Sequence[str | int]) -> str:
        """Add products at a collection's end; return its id."""
        held = self.find("collections", collection)
        return self.set_members(
            held["id"], [*held["_members"], *(self.find("products", p)["id"] for p in products)]
        )

    def remove_from_collection(self, collection: str | int, products: Sequence[str | int]) -> str:
        """Take products from a collection; return its id."""
        held = self.find("collections", collection)
        gone = {self.find("products", p)["id"] for p in products}
        return self.set_members(held["id"], [m for m in held["_members"] if m not in gone])

    def delete_collection(self, collection: str | int) -> str:
        """Delete a collection; return its id."""
        held = self.find("collections", collection)
        with self.action():
            del self.collections[held["id"]]
            self.emit("collections/delete", payloads.collection_deleted(held))
        return str(held["id"])

    # -- metaobjects ---------------------------------------------------------------------------------------

    def create_metaobject(self, kind: str = "culoare", **fields: str) -> str:
        """Add a metaobject of a type that is defined; return its id."""
        if kind not in self.definitions:
            raise KeyError(f"no metaobject definition {kind}")
        index = self._next["metaobjects"]
        index += (list(self.definitions).index(kind) - index) % 3
        self._next["metaobjects"] = index + 1
        made = self.base.metaobject(index)
        assert made is not None
        at = self.stamp()
        made.update(createdAt=at, updatedAt=at, fields=self._fields_of(made, fields))
        with self.action():
            self.metaobjects[made["id"]] = made
            self.emit("metaobjects/create", payloads.metaobject(self, made))
        return str(made["id"])

    @staticmethod
    def _fields_of(held: Obj, values: dict[str, str]) -> list[Obj]:
        only(values, frozenset(f["key"] for f in held["fields"]))
        return [{**f, "value": values.get(f["key"], f["value"])} for f in held["fields"]]

    def update_metaobject(self, metaobject: str | int, status: str | None = None, **fields: str) -> str:
        """Set fields of a metaobject by their keys; return its id."""
        held = self.find("metaobjects", metaobject)
        changed = {
            **held,
            "fields": self._fields_of(held, fields),
            "updatedAt": self.stamp(held["updatedAt"]),
            "displayName": fields.get(held["fields"][0]["key"], held["displayName"]),
        }
        if status:
            changed["capabilities"] = {**held["capabilities"], "publishable": {"status": status}}
        with self.action():
            self.metaobjects[held["id"]] = changed
            self.emit("metaobjects/update", payloads.metaobject(self, changed))
        return str(held["id"])

    def delete_metaobject(self, metaobject: str | int) -> str:
        """Delete a metaobject; return its id."""
        held = self.find("metaobjects", metaobject)
        with self.action():
            del self.metaobjects[held["id"]]
            self.emit("metaobjects/delete", payloads.metaobject_deleted(held))
        return str(held["id"])
