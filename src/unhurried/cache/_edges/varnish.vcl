# Varnish in front of a Django site with unhurried. Printed by: manage.py unhurried edge vcl
#
# Edit the backend and the acl. It needs the vmod xkey (Debian: varnish-modules). To compose JSON,
# or whatever does not begin with "<", start varnishd with: -p feature=+esi_disable_xml_check
#
# What may be shared is the origin's to say, by Surrogate-Control: max-age. It has watched what the
# page was made of, and says so of pages only that no cookie has a part in. So lookups do not mind
# cookies; an answer without the header is nobody else's, and never kept.
vcl 4.1;

import std;
import xkey;

backend default {
    .host = "127.0.0.1";
    .port = "8000";
    # With a probe, an origin that hangs is known to be sick before somebody waits for it:
    # .probe = { .url = "/healthy/"; .interval = 2s; .timeout = 1s; .window = 4; .threshold = 2; }
}

# Who may purge: the hosts of the site's processes.
acl purgers {
    "127.0.0.1";
    "::1";
}

sub vcl_recv {
    # Ours alone: a client's own would show him where fragments lie.
    set req.http.Surrogate-Capability = {"unhurried="ESI/1.0""};

    # One site or two, not as many as somebody can think of.
    if (req.http.X-Forwarded-Proto != "https") {
        unset req.http.X-Forwarded-Proto;
    }

    unset req.http.X-Unhurried-Part;
    if (req.esi_level > 0) {
        set req.http.X-Unhurried-Part = "1";
    }

    if (req.method == "PURGE") {
        # Varnish has added its peer to X-Forwarded-For: with a comma, another proxy is in between,
        # and the peer is that proxy, not whoever asks.
        if (client.ip !~ purgers || req.http.X-Forwarded-For ~ ",") {
            return (synth(403, "Not in the acl"));
        }
        if (!req.http.xkey-purge) {
            return (synth(400, "No xkey-purge"));
        }
        # Gone, not merely old: what has changed is not shown again, not even with the origin down.
        set req.http.X-Unhurried-Gone = xkey.purge(req.http.xkey-purge);
        return (synth(200, "Purged " + req.http.X-Unhurried-Gone));
    }

    if (req.method != "GET" && req.method != "HEAD") {
        return (pass);
    }
    # Who has just written sees it, however long the purge takes.
    if (req.http.Authorization || req.http.Cookie ~ "(^|;\s*)unhurried_wrote=") {
        return (pass);
    }

    # Django takes spaces from around a cookie's name, some of which no expression here knows. Where
    # the language is said in a way that vcl_hash does not read, only the site can tell which it is.
    if (regsuball(req.http.Cookie, "(^|;\s*)django_language=[^;]*", "") ~ "django_language") {
        return (pass);
    }

    # A page that was made while there were no messages is for those who have none: Vary says so.
    unset req.http.X-Messages;
    if (req.http.Cookie ~ "(^|;\s*)messages=") {
        set req.http.X-Messages = "1";
    }

    # Old pages are for when the origin is sick, or has just not been reached (see vcl_deliver).
    if (std.healthy(req.backend_hint) && req.restarts == 0) {
        set req.grace = 0s;
    } else {
        set req.grace = 10m;
    }
    return (hash);
}

sub vcl_hash {
    hash_data(req.url);
    # Without a host there is no site: Django refuses it. It must not lie with that of an address.
    hash_data(req.http.host);
    # http and https are two sites to Django. Let whoever ends TLS before us set this himself.
    hash_data(req.http.X-Forwarded-Proto);
    # The one cookie that a page for everybody may hang on: Django's Vary does not say so. Edit this,
    # and what goes to the site in vcl_recv, where LANGUAGE_COOKIE_NAME is another.
    if (req.http.Cookie ~ "(^|;\s*)django_language=") {
        hash_data(regsub(req.http.Cookie, "^(.*;\s*)?django_language=([^;]*).*$", "\2"));
    }
    return (lookup);
}

sub vcl_backend_fetch {
    # A 304 would keep the old names of what the page was made of: it is fetched anew.
    if (!bereq.uncacheable) {
        unset bereq.http.If-None-Match;
        unset bereq.http.If-Modified-Since;
    }
    return (fetch);
}

sub vcl_backend_response {
    # A label is not enough where something behind it has made the answer one person's.
    if (!bereq.uncacheable && beresp.status == 200 && !beresp.http.Set-Cookie
        && beresp.http.Vary !~ "\*"
        && beresp.http.Cache-Control !~ "(?i)(private|no-store)"
        && beresp.http.Surrogate-Control ~ "(?i)(^|[,\s])max-age=[1-9][0-9]*") {
        set beresp.ttl = std.duration(
            regsub(beresp.http.Surrogate-Control, "(?i)^(.*[,\s])?max-age=([0-9]+).*$", "\2s"), 0s);
        set beresp.grace = 10m;
    } else {
        # Hit-for-miss: each goes to the origin by itself, none waits for another, and the first
        # answer that may be shared ends it.
        set beresp.uncacheable = true;
        set beresp.ttl = 2m;
        set beresp.grace = 0s;
    }
    set beresp.keep = 0s;

    if (beresp.http.Surrogate-Control ~ "(?i)ESI/1\.0") {
        set beresp.do_esi = true;
        # They would speak for the frame alone, and the pieces be taken for unchanged; and a piece
        # may be one person's.
        unset beresp.http.ETag;
        unset beresp.http.Last-Modified;
        set beresp.http.Cache-Control = "private, no-cache";
    }
    return (deliver);
}

sub vcl_backend_error {
    # The origin was not reached. A piece that is missing leaves a gap, not an error in the page.
    set beresp.ttl = 0s;
    set beresp.grace = 0s;
    set beresp.http.X-Unhurried-Down = "1";
    set beresp.http.Cache-Control = "no-store";
    set beresp.http.Content-Type = "text/plain; charset=utf-8";
    if (bereq.http.X-Unhurried-Part) {
        synthetic("");
    } else {
        synthetic("The site can't be reached. Please try again in a moment.");
    }
    return (deliver);
}

sub vcl_deliver {
    # Once more, and this time an old page will do.
    if (resp.http.X-Unhurried-Down && req.restarts == 0
        && (req.method == "GET" || req.method == "HEAD")) {
        return (restart);
    }
    unset resp.http.X-Unhurried-Down;

    # Between the origin and us.
    unset resp.http.Surrogate-Control;
    unset resp.http.Surrogate-Key;
    unset resp.http.xkey;

    if (obj.hits > 0) {
        set resp.http.X-Cache = "hit";
    } else {
        set resp.http.X-Cache = "miss";
    }
    return (deliver);
}
