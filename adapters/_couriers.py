"""The names that shoppers know couriers by, by the codes that gateways use for them."""

import re

_NOT_ALNUM = re.compile(r"[^a-z0-9]+")

#: Code without case, hyphens, underscores and blanks → name. The codes are those of AfterShip, EasyPost, Karrio,
#: Sendcloud, Ship24, ShipEngine, Shippo and ShipStation; a code that two of them use for different companies is absent.
_NAMES = {
    "amazonshipping": "Amazon Shipping",
    "andreani": "Andreani",
    "aramex": "Aramex",
    "asendia": "Asendia",
    "asendiaus": "Asendia",
    "australiapost": "Australia Post",
    "bluedart": "Blue Dart",
    "bluexpress": "Blue Express",
    "bpost": "bpost",
    "brazilcorreios": "Correios",
    "brcorreios": "Correios",
    "canadapost": "Canada Post",
    "canpar": "Canpar",
    "chileparcels": "Chile Parcels",
    "chilexpress": "Chilexpress",
    "chronopost": "Chronopost",
    "colisprive": "Colis Privé",
    "colissimo": "Colissimo",
    "correiosbr": "Correios",
    "correos": "Correos",
    "correoschile": "Correos Chile",
    "correosdemexico": "Correos de México",
    "correosexpress": "Correos Express",
    "delhivery": "Delhivery",
    "deutschepost": "Deutsche Post",
    "dhl": "DHL",
    "dhlde": "DHL",
    "dhlecommerce": "DHL eCommerce",
    "dhlexpress": "DHL Express",
    "dhlgermany": "DHL",
    "dhlparcel": "DHL Parcel",
    "dhlparcelpolska": "DHL Parcel",
    "dpd": "DPD",
    "dpdde": "DPD",
    "dpdgermany": "DPD",
    "dpduk": "DPD",
    "endicia": "USPS",  # it sells USPS's postage
    "estafeta": "Estafeta",
    "evri": "Evri",
    "fastway": "Fastway",
    "fedex": "FedEx",
    "fedexuk": "FedEx",
    "globalpost": "GlobalPost",
    "glovo": "Glovo",
    "gls": "GLS",
    "glsit": "GLS",
    "hermes": "Hermes",
    "hermesuk": "Evri",  # its name since 2022
    "inpost": "InPost",
    "jadlog": "Jadlog",
    "lasership": "LaserShip",
    "loggi": "Loggi",
    "mondialrelay": "Mondial Relay",
    "motopartner": "Moto Partner",
    "mrw": "MRW",
    "muvsmart": "MuvSmart",
    "newgistics": "Newgistics",
    "ninjavan": "Ninja Van",
    "oca": "OCA",
    "ocaar": "OCA",
    "ontrac": "OnTrac",
    "parcelforce": "Parcelforce",
    "paquetexpress": "Paquetexpress",
    "postnl": "PostNL",
    "postnord": "PostNord",
    "purolator": "Purolator",
    "royalmail": "Royal Mail",
    "sequoialog": "Sequoia",
    "seur": "SEUR",
    "shippify": "Shippify",
    "starken": "Starken",
    "stampscom": "USPS",  # it sells USPS's postage
    "swisspost": "Swiss Post",
    "tnt": "TNT",
    "totalexpress": "Total Express",
    "ups": "UPS",
    "upswalleted": "UPS",  # ShipEngine's own account with UPS
    "usps": "USPS",
    "yodel": "Yodel",
}


def courier_name(code: str | None) -> str | None:
    """The name of the courier that a gateway calls ``code``; ``None`` where this table does not know it."""
    return _NAMES.get(_NOT_ALNUM.sub("", code.lower())) if code else None
