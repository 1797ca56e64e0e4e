"""When the words beside a parcel's status say that it goes, or went, back to the merchant, in the languages of the
carriers. These words change when a carrier writes something new; what a history does with a return does not."""

import re
from functools import cache

from adapters._contract import Status

#: "Em devolução" and the like, alone: that is to the merchant. Behind it may stand what else goes back, such as money,
#: or where the parcel goes, such as the depot.
_GOING_BACK = (
    r"\b(?:e[mn]|aguarda(?:ndo)?(?: a)?|pend(?:ente|iente)(?: de)?|(?:e[mn]|à|a la) espera d[ea](?: la)?"
    r"|encaminhad[oa] para)(?: (?:processo|proceso|rota|ruta) de)? (?:devolu[cç][aã]o|devoluci[oó]n)\b"
    r"(?! (?:d[aeo]s?|del) (?!(?:objeto|pacote|paquete|env[ií]o|mercadoria|encomenda|pedido)\b))"
    r"(?! (?:à|às|aos?|al?|para)\b)"
    r"|\A\W*(?:(?:objeto|pacote|paquete|env[ií]o|mercadoria|encomenda|pedido) )?(?:foi |fue )?"
    r"(?:devolvid|devuelt)[oa]\W*\Z"
    # Zipnova's "En tránsito al remitente", which others pass on. A driver may be on the way there to collect.
    r"|\A\W*(?:(?:[oa]|el|la|su|tu) )?(?:(?:objeto|pacote|paquete|env[ií]o|mercadoria|encomenda|pedido) )?(?:est[áa] )?"
    r"e[mn] tr[âáa]nsito (?:ao|al|para (?:o|el)) (?:remetente|remitente|vendedor)\b"
)
#: What carriers write when a parcel goes, or went, back to the merchant, or waits for it. A parcel "returned to the
#: depot" is not on its way back: the courier will try again.
_RETURN = (
    r"\bto original sender\b"
    r"|\bdelivered to (?:the )?(?:original )?(?:sender|shipper|seller|merchant|consignor)\b"
    r"(?!['\u2019]s| (?:pick-?up|collection|agent|st(?:reet)?|r(?:oa)?d|for (?:\w+ )?(?:pick-?up|collection))\b)"
    r"|\b(?:return|returned|returning|back) to (?:the )?(?:original )?"
    r"(?:sender|shipper|seller|merchant|vendor|consignor|origin)\b"
    r"(?!['\u2019]?s? (?:depot|facility|hub|office|request|station|terminal|unit))"
    r"(?!(?<=origin) (?:\w+ )?(?:office|facility|hub|cent(?:er|re)|station|warehouse|airport|branch)\b)"
    r"|\breturn(?:ed|ing) (?:\w+ ){1,3}to the (?:sender|shipper)\b"
    r"|\b(?:return|rts)(?: package| parcel| shipment)? delivered\b"
    r"|\b(?:devolvid[oa]|devuelt[oa]|devolu[cç][aã]o|devoluci[oó]n|regres(?:ad[oa]|ando|o)|retorn(?:ad[oa]|ando|o)"
    r"|devolv(?:e|ie)ndo|voltando|volviendo|de v(?:olta|uelta)) "
    r"(?:(?:o|el) (?:objeto|pacote|pedido|paquete|env[ií]o) )?"
    r"(?:[aà]o?|al?|a la|para(?: [ao])?) (?:(?:cliente|pa[ií]s) (?:de )?)?"
    r"(?:remetente|remitente|vendedor|lojista|embarcador|expedidor|seller|shipper|origem|origen)\b"
    r"|\b(?:devolvid[oa]|devuelt[oa]) (?:[àa]|a la|al|para a) (?:loja|tienda|comercio)\b"
    r"(?! (?:parceir[ao]|credenciad[ao]|de conveni[eê]ncia|de conveniencia|oxxo)\b)"
    r"|\b(?:devolu[cç][aã]o (?:entregue|conclu[ií]da|finalizada|iniciada|em (?:andamento|rota|tr[âa]nsito))"
    r"|devoluci[oó]n (?:entregada|completada|finalizada|iniciada|en (?:camino|curso|proceso|tr[áa]nsito)))\b"
    rf"|{_GOING_BACK}"
    r"|\b(?:devolvid[oa]|devuelt[oa]|devolu[cç][aã]o|devoluci[oó]n) (?:por|a) (?:pedido|solicita[cç][aã]o|solicitud)"
    r" d(?:o|el) (?:remetente|remitente|vendedor)\b"
    r"|\bretir(?:ad[oa]|o) (?:pelo|por el) (?:remetente|remitente)\b"
    r"|\bentreg(?:ue|a|ad[oa]) (?:ao?|al) (?:remetente|remitente|embarcador|expedidor|vendedor)\b"
    r"(?! (?:d[aeo]s?|del) (?!orige[mn]))"
    r"|\b(?:zurück|rücksendung) (?:an|zum) (?:den )?(?:absender|versender)\b"
    r"|\ban (?:den )?(?:absender|versender) zurück"
    r"|\bretour(?:n[ée]e?)? [aà] l['\u2019]exp[ée]diteur\b"
    r"|\bretour (?:exp[ée]diteur|(?:naar |aan )?(?:de )?afzender)\b"
    r"|\b(?:reso|restituit[oa]|consegnat[oa]) al mittente\b"
    r"|\bzwr(?:ot|ócon[ayo]|acan[ayo]) do nadawcy\b"
    r"|(?-i:(?<!BY )(?<!by )\bRTO\b)(?! (?:office|check ?po(?:st|int)|tax|colony)\b)"
)
#: One of these is in all words of `_RETURN`. Most lines have none, and to search them costs thirty times as much.
_ROOTS = (
    *("sender", "shipper", "seller", "merchant", "vendor", "consignor", "origin", "return", "rts", "rto", "devol"),
    *("devuel", "remetente", "remitente", "vendedor", "lojista", "embarcador", "expedidor", "origem", "origen"),
    *("expéditeur", "expediteur", "afzender", "mittente", "nadawcy"),
)

#: What makes of these words a return that has not begun: before them that it is asked for, allowed, denied or possible,
#: or a condition, as in "if unclaimed"; that it "will be" returned while the shopper may still collect it, or where he
#: does not; behind them that it is asked for or called off, or that the courier tries again.
_ASKED_FOR = (
    r"\b(?:solicitad[oa]|(?:solicita(?:ç[aã]o|ción)|solicitud|pedido|autoriza(?:ç[aã]o|ción)|cancela(?:mento|ción))"
    r" (?:de|da|la|para)|solicit(?:a|ou|ó)|requests?(?: for| to)?(?: an?)?|demande de|richiest[oa]|anulowano)"
    r"(?: l?a)?[ :]*$"
)
_DENIED = (
    r"\b(?:(?:not|never|cannot|no|n[aã]o|nunca|sem|sin)"
    r"(?: (?:be|been|being|a|la|foi|fue|houve|hay|ser|ser[áa]|est[áa]))*"
    r"|(?:may|might|could|can|pode(?:r[áa]|ria)?|puede|podr(?:[áa]|[íi]a))(?: be| ser)?"
    r"|poss[ií]vel|posible|(?<!as )possible|suje(?:it|t)[oa] [aà](?: la)?|pass[ií]vel de|p[rl]azo (?:para|de)) *$"
)
_CONDITION = (
    r"\b(?:if|unless|otherwise|to (?:avoid|prevent)|si no|de no \w+|de lo contrario|se n[aã]o|sen[aã]o"
    r"|evit(?:ar|e|ando)|caso (?:n[aã]o|seja|contr[aá]rio|de)"
    r"|si non|cas de|falls|wenn|bei nichtabholung|indien|als (?:u|je|het)|niet \w+, dan|se non|je[śs]li)\b[^.;!\n]*$"
    r"|[àa] d[ée]faut[^.;!\n]*$"
    r"|\bbefore (?:(?:it|(?:your|the) (?:item|parcel|package)) (?:is|gets)|we)(?: being)?\W*$"
    r"|\bantes d[aeo](?: ser)? *$|\b(?:mantido|retido) [^.;!\n]* e depois\W*$"
    r"|\b(?:held|hold) [^.;!\n]*\b(?:before|prior to)(?: being)?\W*$"
    r"|\b(?:after|ap[oó]s|despu[eé]s de|tras) [^.;!\n]*\b(?:will|would|ser[áa]|entrar[áa])(?: be)?\W*$"
    r"|\b(?:or|ou|o)(?: it| (?:the|your) (?:item|parcel|package)| o objeto| el paquete| [aà]| la)?"
    r"(?: will| would| ser[áa]| entrar[áa])?(?: be)?\W*$"
)
_COLLECTED = (
    r"\b(?:aguardando retirada|dispon[ií]vel para retirada"
    r"|disponible (?:para (?:retiro|recoger)|en (?:la )?(?:sucursal|oficina|punto|point))"
    r"|(?:available|ready|waiting) for (?:pick-?up|collection)|pick-?up available|being held"
    r"|awaiting (?:pick-?up|collection)|final notice)\b"
)
_WILL_BE = r"\b(?:will|would|ser[áa]|entrar[áa]|wird)(?: then)?(?: be)?\W*$"
_IF_NOT = r"[^.;!\n]*\b(?:if|unless|se n[aã]o|si no[n]?|s['\u2019]il n|caso n[aã]o|wenn|falls)\b"
_CALLED_OFF = (
    r"[\s:,-]*(?:was |has been |foi |fue )?(?:request|solicitad|cancel|annul|anulowan|suspen|revertid|interromp"
    r"|n[aã]o autoriza|no autoriza|negad|denied|declined|not author|demand[ée]|aangevraagd"
    r"|para (?:nova|nuev[oa]|outr[ao]|otro) (?:tentativa|intento|entrega)|for (?:a )?(?:new |re-?)(?:attempt|deliver))"
)
#: What else goes back to a merchant, or is handed over for a return, and is not the parcel: papers, labels, money.
_NO_PARCEL = (
    r"\b(?:(?:canhoto|comprovante|comprobante|aviso de recebimento|proof of delivery|POD|prova di consegna|ricevuta"
    r"|valor|dinero|reembolso|cash|payment|COD amount|COD remittance)(?: de entrega)?"
    r"|(?:etiqueta|c[óo]digo|carta|nota) de) *$"
)
#: How many characters before the words of a return are searched for what makes it a plan or a condition.
_BEFORE = 120


def unless_returned(status: Status, *words: str) -> Status:
    """``status``, but `Status.RETURNED` for a parcel that goes, or went, to the merchant in the words beside it. A
    label is not on its way, and what says nothing of where the parcel is stays so."""
    travels = status.in_possession or status is Status.EXCEPTION
    return Status.RETURNED if travels and any(map(says_returned, words)) else status


def says_returned(words: str) -> bool:
    """True if a free text says that the parcel goes, or went, back to the merchant. A return that is asked for, called
    off or threatened has not begun."""
    lowered = words.lower()
    if not any(root in lowered for root in _ROOTS):
        return False
    return any(_has_begun(words, found) for found in _compiled(_RETURN).finditer(words))


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compiled when a text first has one of the roots: that takes longer than to load a carrier, and a command that
    shows a shipment reads no text."""
    return re.compile(pattern, re.IGNORECASE)


def _has_begun(words: str, found: re.Match[str]) -> bool:
    before = words[max(0, found.start() - _BEFORE) : found.start()]
    return not (
        _compiled(_ASKED_FOR).search(before)
        or _compiled(_DENIED).search(before)
        or _compiled(_CONDITION).search(before)
        or _compiled(_NO_PARCEL).search(before)
        or (
            _compiled(_WILL_BE).search(before)
            and (_compiled(_COLLECTED).search(words) or _compiled(_IF_NOT).match(words, found.end()))
        )
        or _compiled(_CALLED_OFF).match(words, found.end())
    )
