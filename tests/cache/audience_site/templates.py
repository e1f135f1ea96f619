"""Templates by name, for the loader that takes them from memory. The line that looks says here."""

SOURCES = {
    "request_user.html": "<p>\n{{ request.user.username }} {# here #}\n",
    "user.html": "<p>\n{{ user.username }} {# here #}\n",
    "user_as_text.html": "<p>\n{{ user }} {# here #}\n",
    "login_link.html": "<p>\n{% if user.is_authenticated %}Out{% else %}In{% endif %} {# here #}\n",
    "perms.html": "<p>\n{{ perms.books.add_book }} {# here #}\n",
    "messages.html": "<p>\n{% for message in messages %}{{ message }}{% endfor %} {# here #}\n",
    "form.html": "<form>\n{% csrf_token %} {# here #}\n</form>",
    "csrf.html": "<p>\n{{ csrf_token }} {# here #}\n",
    "nonce.html": "<p>\n{{ request.csp_nonce }} {# here #}\n",
    "nonce_of_django.html": "<p>\n{{ csp_nonce }} {# here #}\n",
    "cookie.html": "<p>\n{{ request.COOKIES.theme }} {# here #}\n",
    "header.html": "<p>\n{{ request.headers.user_agent }} {# here #}\n",
    "address.html": "<p>\n{{ request.META.REMOTE_ADDR }} {# here #}\n",
    "session.html": "<p>\n{{ request.session.cart }} {# here #}\n",
    "tenant.html": "<p>\n{{ request.tenant.name }} {# here #}\n",
    "outer.html": "<p>\n{% include 'user.html' %}\n",
    "name.html": "<p>\n{{ name }} {# here #}\n",
    "names.html": "<p>\n{% for name in names %}{{ name }}{% endfor %} {# here #}\n",
    "helper.html": "<p>\n{{ helper.name }} {# here #}\n",
}
SOURCES |= {
    "plain.html": "<p>Hello",
    "links.html": "{% load static %}{% static 'a.css' %} {% url 'admin:index' %}",
    "translated.html": "{% load i18n tz %}{% translate 'Home' %} {{ day|date }} {% now 'Y' %}"
    "{% get_current_language as code %}{{ code }} {{ day|localtime }}",
    "with_user.html": "{% with who=user m=messages t=csrf_token n=csp_nonce %}Hello{% endwith %}",
    "next_page.html": "{% querystring page=number %}{{ request.path }}{{ request.get_full_path }}",
    "pages.html": "{% for book in page %}{{ book }}{% endfor %}{{ request.GET.page }}",
    "search.html": "<form>{{ form }}</form>{{ q }}",
    "list.html": "{% for book in object_list %}{{ book }}{% endfor %}{{ page_obj.number }}",
}
