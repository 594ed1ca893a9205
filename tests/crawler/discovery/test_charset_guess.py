"""Texts in many languages, in the sets they were written in before UTF-8, with nothing that says so."""

from __future__ import annotations

import pytest

from samelook.crawler.discovery.charset import decode_page

# ruff: noqa: RUF001 - letters of many alphabets are the point

TEXTS = {
    "windows-1251": "Погода в городе меняется каждый час. Подробнее о доставке и оплате заказа",
    "koi8-r": "Погода в городе меняется каждый час. Подробнее о доставке и оплате заказа",
    "koi8-u": "Погода в місті змінюється щогодини. Детальніше про доставку й оплату, її умови",
    "windows-1252": "Äpfel, Birnen und süße Früchte: jetzt frisch für Sie geöffnet, täglich",
    "windows-1252 French": "Les élèves préfèrent étudier à la bibliothèque, où ça coûte moins cher, l’été",
    "windows-1252 Spanish": "¿Dónde está la estación más próxima? Año nuevo, niños según camión",
    "windows-1252 Swedish": "Kläder för både små och stora på nätet, köp före lördag och få fri frakt",
    "windows-1250": "Wszystkie książki i gry są już dostępne w sklepie, również używane. Zażółć gęślą jaźń",
    "windows-1250 Czech": "Všechny knihy máme skladem, doručení zdarma při nákupu, děkujeme vám",
    "windows-1250 Hungarian": "Minden könyv elérhető, ingyenes szállítás ezer forint fölött, köszönjük",
    "iso-8859-2": "Wszystkie książki i gry są już dostępne w sklepie, również używane. Zażółć gęślą jaźń",
    "windows-1253": "Όλα τα βιβλία είναι διαθέσιμα στο κατάστημα, δωρεάν αποστολή για παραγγελίες",
    "windows-1254": "Bütün kitaplar mağazamızda, ücretsiz kargo için alışveriş yapın, değişim kolaylığı",
    "windows-1255": "כל הספרים זמינים בחנות שלנו, משלוח חינם בקנייה מעל מאה שקלים",
    "windows-1256": "جميع الكتب متوفرة في متجرنا مع توصيل مجاني للطلبات الكبيرة",
    "windows-874": "หนังสือทุกเล่มมีจำหน่ายในร้านของเรา ส่งฟรีเมื่อซื้อครบพันบาท",
    "shift_jis": "すべての本は当店で販売しています。千円以上のご注文は送料無料です。",
    "euc-jp": "すべての本は当店で販売しています。千円以上のご注文は送料無料です。",
    "gbk": "所有图书均在本店有售，订单满一百元免费送货，欢迎新老顾客光临。",
    "big5": "所有圖書均在本店有售，訂單滿一百元免費送貨，歡迎新舊顧客光臨。",
    "euc-kr": "모든 책은 저희 가게에서 판매합니다. 만원 이상 주문하시면 무료로 배송해 드립니다.",
}
CODECS = {
    "shift_jis": "cp932",
    "euc-kr": "cp949",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "windows-874": "cp874",
}


def in_a_paragraph(text: str) -> str:
    return f"<html><head><title>Shop</title></head><body><p>{text}</p></body></html>"


def in_crowded_markup(text: str) -> str:
    """As shops write it: a few words a tag, some of them in attributes."""
    words = [text[at : at + 14] for at in range(0, len(text), 14)]
    cards = (
        f"<div class='card card--wide' data-id='{number}'><a href='/item/{number}?ref=list' title='{word}'>"
        f"<img src='/i/{number}.webp' alt=''><b>{word}</b></a></div>\n"
        for number, word in enumerate(words * 10)
    )
    return "<html><body>" + "".join(cards)


def after_long_english(text: str) -> str:
    return "<p>Plain words, and nothing beyond ASCII.</p>\n" * 500 + f"<p>{text}</p>"


@pytest.mark.parametrize("page", [in_a_paragraph, in_crowded_markup, after_long_english])
@pytest.mark.parametrize("name", TEXTS)
def test_pages_that_do_not_say_how_they_are_written_are_read(name: str, page: object) -> None:
    assert callable(page)
    written = page(TEXTS[name])
    charset = name.partition(" ")[0]
    # Of the two the larger set is told; what both have, they read alike.
    expected = "koi8-u" if charset == "koi8-r" else charset
    text, guessed = decode_page(written.encode(CODECS.get(charset, charset)), "text/html")
    assert guessed == expected
    assert text == written


def test_a_page_with_a_foreign_snippet_stays_utf_8() -> None:
    written = ("<p>Größe und Gefühl</p>\n" * 40).encode()
    text, charset = decode_page(written + b"<p>caf\xe9</p>" + written, "text/html")
    assert charset == "utf-8"
    assert text.count("Größe") == 80


def test_noise_is_read_as_western() -> None:
    assert decode_page(bytes(range(128, 256)) * 3, None)[1] == "windows-1252"
