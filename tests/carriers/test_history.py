"""What every adapter asks of a history, and the texts that say that a parcel went back."""

import string
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import (
    UNDERWAY,
    History,
    Scan,
    Status,
    TrackingEvent,
    Unreadable,
    look_up,
    oldest_first,
    says_returned,
    single_event,
    unless_returned,
)
from adapters._history import _RETURN, _ROOTS

#: The letters and signs in the words of a return.
WRITTEN = st.sampled_from(f"{string.ascii_letters} áéíóúàçãõâêüńłöéż':,-\u2019")

MORNING, NOON = datetime(2026, 11, 16, 8, tzinfo=UTC), datetime(2026, 11, 16, 12, tzinfo=UTC)
LINE = TrackingEvent(day=date(2026, 11, 16), description="Departed")


def scan(status: Status = Status.IN_TRANSIT, happened_at: datetime | None = None, **more: object) -> Scan:
    return Scan(status=status, happened_at=happened_at, **more)


class TestTimes:
    def test_first_and_last(self) -> None:
        """Times decide, in whichever order the scans came."""
        for scans in ((scan(happened_at=NOON), scan(happened_at=MORNING)), (scan(happened_at=MORNING), scan())):
            assert MORNING == History(scans).first()
        assert NOON == History((scan(happened_at=NOON), scan(happened_at=MORNING))).last()

    def test_statuses(self) -> None:
        """Only scans with the named statuses count."""
        history = History((scan(Status.ANNOUNCED, MORNING), scan(Status.DELIVERED, NOON)))

        assert NOON == history.first(Status.DELIVERED, Status.RETURNED)
        assert MORNING == history.last(Status.ANNOUNCED)
        assert [MORNING, NOON] == history.times()

    def test_undated(self) -> None:
        """A scan without an instant dates nothing."""
        assert (None, None) == (History((scan(),)).first(), History((scan(),)).last())
        assert [] == History(()).times()

    @pytest.mark.parametrize(
        ("on", "first"), [(date(2026, 11, 15), None), (date(2026, 11, 16), MORNING), (None, MORNING)]
    )
    def test_an_earlier_day(self, on: date | None, first: datetime | None) -> None:
        """What has a day alone may be the earlier scan: then the first instant is not known."""
        picked_up = scan(Status.DISPATCHED, on=on)
        history = History((scan(happened_at=NOON, on=LINE.day), picked_up, scan(happened_at=MORNING, on=LINE.day)))

        assert first == history.first(*UNDERWAY)
        assert NOON == history.last(*UNDERWAY)
        assert MORNING == history.first(Status.IN_TRANSIT)

    def test_local_days(self) -> None:
        """Days are the carrier's own: an evening there may be the next day in UTC."""
        late = datetime(2026, 11, 17, 1, tzinfo=UTC)
        history = History((scan(happened_at=late, on=LINE.day), scan(on=LINE.day)))

        assert late == history.first()

    @pytest.mark.parametrize(
        ("beside", "allowed"),
        [
            (scan(Status.DELIVERED, NOON), True),
            (scan(Status.DISPATCHED), False),
            (scan(Status.ANNOUNCED), True),
            (scan(Status.ANNOUNCED, MORNING), True),
            (scan(Status.ANNOUNCED, NOON), False),
            (scan(Status.ANNOUNCED, on=date(2026, 11, 16)), True),
            (scan(Status.ANNOUNCED, on=date(2026, 11, 17)), False),
        ],
    )
    def test_ship_date(self, beside: Scan, *, allowed: bool) -> None:
        """A ship date dates the dispatch only where no scan does, and not before the label."""
        assert allowed == History((beside,)).allows(MORNING)
        assert not History(()).allows(None)


class TestSettled:
    def test_delivery_after_return(self) -> None:
        """A delivery after a return stays one and is marked: it may be the merchant's, or the return was called off."""
        for back in (scan(Status.RETURNED), scan(Status.RETURNED, MORNING)):
            history = History((back, scan(Status.DELIVERED, NOON)))

            assert Status.DELIVERED is history.settled(Status.DELIVERED)
            assert history.returned_before(Status.DELIVERED)
            assert not history.returned_before(Status.IN_TRANSIT)

    def test_called_off(self) -> None:
        """A parcel that moved on after its return is delivered, though no scan says so yet."""
        history = History((scan(Status.RETURNED, MORNING), scan(Status.OUT_FOR_DELIVERY, NOON)))

        assert Status.DELIVERED is history.settled(Status.DELIVERED)

    def test_return_at_the_end(self) -> None:
        """Where the return is the last step, the delivery is its end: to the merchant."""
        ends = (
            (scan(Status.RETURNED),),
            (scan(Status.DELIVERED, MORNING), scan(Status.RETURNED, NOON)),
            (scan(Status.DELIVERED, NOON), scan(Status.RETURNED, NOON)),
        )
        for scans in ends:
            assert Status.RETURNED is History(scans).settled(Status.DELIVERED)

    @pytest.mark.parametrize("status", [status for status in Status if status is not Status.DELIVERED])
    def test_other_statuses(self, status: Status) -> None:
        """No other status is changed."""
        assert status is History((scan(Status.RETURNED),)).settled(status)

    def test_no_return(self) -> None:
        """A delivery without a return stays one."""
        assert Status.DELIVERED is History((scan(),)).settled(Status.DELIVERED)


class TestOldestFirst:
    OLD, LOST, NEW = scan(happened_at=MORNING), scan(Status.EXCEPTION), scan(Status.DELIVERED, NOON)

    def test_dated(self) -> None:
        """Dates decide, and those of one moment keep their order."""
        again = scan(Status.OUT_FOR_DELIVERY, MORNING)

        assert (self.OLD, again, self.NEW) == oldest_first([self.NEW, self.OLD, again], "$").scans
        assert () == oldest_first([], "$").scans

    @pytest.mark.parametrize("at", range(3))
    def test_undated(self, at: int) -> None:
        """A scan without a date stands where the list has it, whichever way the list runs."""
        placed = [self.OLD, self.NEW]
        placed.insert(at, self.LOST)

        assert tuple(placed) == oldest_first(placed, "$").scans == oldest_first(placed[::-1], "$").scans

    def test_promised(self) -> None:
        """A list that begins with the oldest is believed, though it may not keep to it, and though nothing shows it."""
        alone, first = [self.NEW, self.LOST], [self.LOST, self.NEW]
        mixed = [self.NEW, self.OLD, self.LOST]

        assert tuple(alone) == oldest_first(alone, "$", promised=True).scans
        assert tuple(first) == oldest_first(first, "$", promised=True).scans
        assert (self.OLD, self.NEW, self.LOST) == oldest_first(mixed, "$", promised=True).scans

    def test_alone(self) -> None:
        """One scan has its place."""
        assert (self.LOST,) == oldest_first([self.LOST], "$").scans

    def test_unknown_place(self) -> None:
        """Where the dates do not run one way, or there is one alone, the scan without a date may be the newest."""
        later = scan(happened_at=NOON + timedelta(hours=1))
        for listed in (
            [self.NEW, self.LOST],
            [self.NEW, self.LOST, scan(happened_at=NOON)],
            [self.LOST, self.LOST],
            [self.NEW, later, self.OLD, self.LOST],
        ):
            with pytest.raises(Unreadable, match=r"\$\.list: has an event without a date"):
                oldest_first(listed, "$.list")


class TestLines:
    def test_events(self) -> None:
        """A line that is there twice is one event, and a scan without a line is none."""
        assert (LINE,) == History((scan(event=LINE), scan(), scan(event=LINE))).events

    def test_unknown_words(self) -> None:
        """Each unknown word is named once."""
        scans = (scan(unknown_word="teleported"), scan(), scan(unknown_word="teleported"), scan(unknown_word="lost?"))

        assert ("teleported", "lost?") == History(scans).unknown_words


class TestScanOf:
    def test_line(self) -> None:
        """A day and words make a line for shoppers, with the instant and the place."""
        departed = Scan.of(
            Status.IN_TRANSIT, "x", on=LINE.day, happened_at=NOON, words="Departed", city="Reno", state="NV"
        )

        assert (
            TrackingEvent(day=LINE.day, description="Departed", happened_at=NOON, city="Reno", state="NV")
            == departed.event
        )
        assert (Status.IN_TRANSIT, NOON, "x") == (departed.status, departed.happened_at, departed.unknown_word)

    @pytest.mark.parametrize(("on", "words"), [(None, "Departed"), (LINE.day, "")])
    def test_no_line(self, on: date | None, words: str) -> None:
        """What cannot be shown still counts: its status and its instant."""
        assert scan(Status.RETURNED, NOON, on=on) == Scan.of(Status.RETURNED, on=on, happened_at=NOON, words=words)

    def test_cancelled_label(self) -> None:
        """A label that is cancelled is no event for shoppers."""
        assert () == single_event(Status.CANCELLED, on=LINE.day, happened_at=NOON, words="Cancelado")
        assert Scan.of(Status.CANCELLED, on=LINE.day, happened_at=NOON, words="Cancelado").event is None

    @pytest.mark.parametrize("code", ["ready_to_pickup", "START_DELIVERY", "status_7", "OutForDelivery"])
    def test_bare_code(self, code: str) -> None:
        """A code is told in words, and where its status has none, not at all."""
        (shown,) = single_event(Status.IN_TRANSIT, on=LINE.day, happened_at=NOON, words=code)

        assert "On its way" == shown.description
        assert () == single_event(Status.ANNOUNCED, on=LINE.day, happened_at=NOON, words=code)


class TestLookUp:
    @pytest.mark.parametrize(
        ("word", "expected"),
        [
            ("moving", (Status.IN_TRANSIT, "")),
            ("noted", (Status.OTHER, "")),
            ("Moving", (Status.OTHER, "Moving")),
            ("", (Status.OTHER, "")),
            (None, (Status.OTHER, "")),
        ],
    )
    def test_words(self, word: str | None, expected: tuple[Status, str]) -> None:
        """Only a word that the table lacks is unknown: a known word may say nothing, and so may no word at all."""
        assert expected == look_up({"moving": Status.IN_TRANSIT, "noted": Status.OTHER}, word)


class TestReturns:
    @pytest.mark.parametrize(
        "words",
        [
            "Delivered, To Original Sender",
            "Package was returned to the sender",
            "Package returned to shipper.",
            "Unclaimed/Being Returned to Sender",
            "RETURNING TO SENDER: IN TRANSIT",
            "Back to origin",
            "Shipment delivered to shipper",
            "Objeto devolvido ao remetente",
            "Devolução à origem",
            "Retorno para o lojista",
            "Devuelto al remitente",
            "Regresado al remitente",
            "UPS has returned your package to the sender.",
            "We're in the process of returning this package to the sender.",
            "En devolución a origen",
            "Zurück an Absender",
            "Retourné à l’expéditeur",
            "RTO Delivered",
            "Pedido devolvido ao remetente",
            "Cliente não localizado, devolvido ao remetente",
            "Entrega cancelada: devolvido ao remetente",
            "El paquete se encuentra devuelto al remitente",
            "Prazo encerrado, o objeto será devolvido ao remetente",
            "Return to sender requested. Returned to sender.",
            "Was available for pickup. Returned to sender",
            "Após análise, devolvido ao remetente",
            "Delivered to seller",
            "Returned to vendor",
            "Return shipment delivered",
            "RTS Delivered",
            "Entregue ao embarcador",
            "Devolução ao embarcador",
            "Mercadoria devolvida ao cliente de origem",
            "Devolvido ao expedidor",
            "Devolvido à loja",
            "Retornando ao remetente",
            "Devolvida para a origem",
            "Devolução concluída",
            "Entregado al vendedor",
            "Devuelto a la tienda",
            "Regreso al remitente",
            "Devolución entregada",
            "An den Absender zurückgesandt",
            "Retour expéditeur",
            "Retour naar afzender",
            "Reso al mittente",
            "Zwrócona do nadawcy",
            "Attempted before the cutoff, returned to sender",
            "Ausente antes do horário, devolvido ao remetente",
            "Sem nova tentativa, será devolvido ao remetente",
            "Nova tentativa sem sucesso. Objeto será devolvido ao remetente",
            "Destinatario no disponible en domicilio, será devuelto al remitente",
            "Item could not be delivered and is being returned to sender",
            "No such number. Returned to sender",
            "Domicilio sin número, devuelto al remitente",
            "Não procurado - devolvido ao remetente",
            "Devolvido ao remetente - recusado pelo destinatário",
            "Carta devolvida ao remetente",
            "COD shipment returned to seller",
            "Returned to vendor warehouse",
            "Entregue ao vendedor de origem",
            "ARRIVED AT RTO HUB",
            "Aguardando devolução ao remetente",
            "Pendente de devolução ao remetente",
            "Devolução ao remetente autorizada",
            "Devolução ao remetente agendada",
            "En espera de devolución al remitente",
            "Pendiente de devolución al remitente",
            "Listo para devolución al remitente",
            "Aguardando devolução",
            "Aguardando a devolução do objeto",
            "Pendente de devolução",
            "En espera de devolución",
            "A la espera de devolución",
            "Pendiente de devolución",
            "Pendiente devolución",
            "Em devolução",
            "Objeto em devolução",
            "Mercadoria em devolução",
            "Recusado - em devolução",
            "Prazo de retirada encerrado - objeto em devolução",
            "Em processo de devolução",
            "Em rota de devolução",
            "Encaminhado para devolução",
            "En devolución",
            "EN PROCESO DE DEVOLUCION",
            "En proceso de devolución del paquete",
            "Rechazado por el destinatario, en devolución",
            "Devolução iniciada",
            "Devolução em andamento",
            "Devolução em trânsito",
            "Devolución iniciada",
            "Devolución en curso",
            "Devolvido",
            "Mercadoria devolvida",
            "Pedido devolvido.",
            "DEVUELTO",
            "Paquete devuelto",
            "El envío se está devolviendo al remitente",
            "Devolvendo ao remetente",
            "Estamos devolvendo o pacote ao vendedor",
            "O pacote está voltando para o vendedor",
            "Tu paquete está volviendo al vendedor",
            "Enviado de volta ao remetente",
            "De vuelta al remitente",
            "Objeto devolvido ao país de origem",
            "Retorno para origem",
            "Devuelto a tienda",
            "Devolvido a pedido do remetente",
            "Objeto será devolvido por solicitação do remetente",
            "Aguardando retirada pelo remetente",
            "Disponible para retiro por el remitente",
            "En tránsito al remitente",
            "Tu paquete está en tránsito al remitente",
            "Objeto em trânsito para o remetente",
        ],
    )
    def test_returned(self, words: str) -> None:
        """The parcel is, or was, on its way back to the merchant."""
        assert says_returned(words)

    @pytest.mark.parametrize(
        "words",
        [
            "",
            "Delivered, Front Door/Porch",
            "Returned to depot",
            "Returned to UPS facility",
            "Returned to origin facility",
            "Return to Sender Requested",
            "Return label left with customer",
            "We are unable to return the package to the sender.",
            "Returned to the hub. Delivery to the sender's neighbour",
            "Retorno à unidade",
            "Portorto",
            "Detained by RTO",
            "rto",
            "Solicitada devolução ao remetente",
            "Solicitação de devolução ao remetente",
            "Pedido de devolução ao remetente",
            "Devolução ao remetente solicitada",
            "Devolução ao remetente cancelada",
            "Devolução ao remetente não autorizada",
            "Cancelamento da devolução ao remetente",
            "Aguardando autorização para devolução ao remetente",
            "Solicitud de devolución al remitente",
            "Devolución al remitente cancelada",
            "Return to sender cancelled",
            "Request for return to sender",
            "Se não retirado, será devolvido ao remetente",
            "Caso não seja retirado, será devolvido ao remetente",
            "Em caso de recusa, devolução ao remetente",
            "De no ser retirado será devuelto al remitente",
            "Si no se retira, será devuelto al remitente",
            "If unclaimed, the item will be returned to sender",
            "Available for pickup. It will be returned to sender after 7 days",
            "Objeto aguardando retirada; será devolvido ao remetente em 7 dias",
            "Após três tentativas, o objeto será devolvido ao remetente",
            "Después de tres intentos será devuelto al remitente",
            "Retire até 10/11 ou será devolvido ao remetente",
            "Pick it up by Friday or it will be returned to sender",
            "Delivered to seller's neighbour",
            "Return label delivered",
            "Entregue ao lojista parceiro, disponível para retirada",
            "Valor devolvido",
            "Retorno ao centro de distribuição",
            "Entregado en tienda",
            "Devolução concluída cancelada",
            "This is a reminder to arrange for redelivery of your item or your item will be returned to sender.",
            "Final Notice; Item will be returned to sender if not collected within 10 days",
            "We will hold your item for 15 days before we return to sender",
            "Please pick up your item before it is returned to sender",
            "To avoid return to sender, pick up the parcel by Friday",
            "Disponible en sucursal 5 días, luego será devuelto al remitente",
            "Se realizará un nuevo intento, de lo contrario será devuelto al remitente",
            "O pacote será devolvido ao vendedor se não for retirado",
            "El paquete será devuelto al vendedor si no lo retiras antes del viernes",
            "Evite a devolução ao remetente: retire o objeto",
            "Prazo para retirada antes da devolução ao remetente: 7 dias",
            "Mantido na unidade por 7 dias e depois devolvido ao remetente",
            "À défaut de retrait, retour à l'expéditeur",
            "Il sera retourné à l'expéditeur s'il n'est pas retiré",
            "Bei Nichtabholung zurück an Absender",
            "Wird an den Absender zurückgesandt, wenn sie nicht abgeholt wird",
            "Indien niet opgehaald retour afzender",
            "Se non ritirato sarà reso al mittente",
            "Jeśli nieodebrana, zwrot do nadawcy",
            "Do not return to sender",
            "Awaiting collection. It will be returned to sender on 10 December",
            "Final notice - your item will be returned to sender on October 3",
            "Objeto sujeito a atraso na entrega ou a devolução ao remetente",
            "Sujeito a atraso ou à devolução ao remetente",
            "Do not RTO",
            "Não será devolvido ao remetente",
            "Sin devolución al remitente",
            "May be returned to sender",
            "Poderá ser devolvido ao remetente",
            "Podría ser devuelto al remitente",
            "Possível devolução ao remetente",
            "Cliente solicitou a devolução ao remetente",
            "Retour expéditeur annulé",
            "Devolução ao remetente suspensa",
            "Retornado à origem para nova tentativa de entrega",
            "Regreso al origen para nuevo intento",
            "Returned to origin sort center",
            "Returned to origin post office",
            "Delivered to merchant pickup location",
            "Delivered to Merchant St",
            "Near RTO Office, MG Road",
            "Devolvido à loja parceira para retirada",
            "Entregue ao vendedor da loja ao lado",
            "Entregue ao expedidor do condomínio",
            "Etiqueta de devolução entregue",
            "Canhoto devolvido ao embarcador",
            "Comprovante de entrega entregue ao embarcador",
            "Proof of delivery returned to shipper",
            "Valor devolvido ao vendedor",
            "Sujeito a devolução ao remetente",
            "Sujeto a devolución al remitente",
            "Passível de devolução ao remetente",
            "Prazo para devolução ao remetente: 7 dias",
            "Plazo para devolución al remitente: 7 días",
            "Retire até 10/11 ou entrará em devolução",
            "Se não retirado, entrará em devolução",
            "Após 7 dias entrará em devolução",
            "Objeto aguardando retirada; entrará em devolução em 7 dias",
            "Si no se retira, entrará en devolución",
            "O objeto não está em devolução",
            "Em processo de devolução do valor",
            "Aguardando devolução do canhoto",
            "Canhoto pendente de devolução",
            "Pendiente de devolución de dinero",
            "Objeto devolvido aos Correios",
            "Coletor em trânsito para o remetente",
            "Motorista a caminho do remetente",
            "Tipo de serviço: Devolução",
            "Devolução",
            "Devolvido à unidade",
            "Em devolução à base",
            "Em devolução ao centro de distribuição",
            "En devolución al depósito",
            "Devuelto a sucursal",
            "Solicitação de devolução",
            "Solicitud de devolución",
            "Aguardando autorização de devolução",
            "Retorno à base",
            "Aguardando retirada pelo destinatário",
            "Disponible para retiro por el destinatario",
        ],
    )
    def test_not_returned(self, words: str) -> None:
        """A parcel that waits at the courier's, or whose return is only asked for, is not on its way back."""
        assert not says_returned(words)

    @pytest.mark.parametrize(
        ("status", "expected"),
        [
            (Status.ANNOUNCED, Status.ANNOUNCED),
            (Status.CANCELLED, Status.CANCELLED),
            (Status.OTHER, Status.OTHER),
            (Status.IN_TRANSIT, Status.RETURNED),
            (Status.OUT_FOR_DELIVERY, Status.RETURNED),
            (Status.EXCEPTION, Status.RETURNED),
            (Status.DELIVERED, Status.RETURNED),
        ],
    )
    def test_beside_a_status(self, status: Status, expected: Status) -> None:
        """The words beside a status say that the parcel goes back, if it travels at all: a delivery that another
        message brings is then a doubtful one."""
        assert expected is unless_returned(status, "", "Objeto em devolução ao remetente")
        assert status is unless_returned(status, "", "Objeto em trânsito")


@given(st.from_regex(_RETURN, alphabet=WRITTEN))
def test_roots(words: str) -> None:
    """The quick look before the search misses no words of a return."""
    assert any(root in words.lower() for root in _ROOTS)
