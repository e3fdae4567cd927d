# An SMTP server (Debian's python3-aiosmtpd) that writes a line of JSON for each mail it takes. Nobody has the name nobody:
#   smtp.py PORT plain|starttls|tls CERTIFICATE KEY OUT [USER PASSWORD]
import asyncio, json, ssl, sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

port, mode, certificate, key, out, *account = sys.argv[1:]


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(self, server, session, envelope):
        with open(out, "a") as file:
            transport = server.transport.get_extra_info("ssl_object")
            line = {
                "tls": transport is not None and transport.version() or "",
                "authenticated": bool(session.authenticated),
                "to": envelope.rcpt_tos,
                "mail": envelope.content.decode(),
            }
            file.write(json.dumps(line) + "\n")
        return "250 taken"


def authenticate(server, session, envelope, mechanism, given):
    given = [given.login.decode(), given.password.decode()]
    return AuthResult(success=given == account, handled=False)


context = None
if mode != "plain":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
options = {"hostname": "127.0.0.1", "port": int(port)}
if mode == "tls":
    options |= {"ssl_context": context}
if mode == "starttls":
    options |= {"tls_context": context, "require_starttls": True}
if account:
    options |= {"authenticator": authenticate, "auth_required": True, "auth_require_tls": mode == "starttls"}
Controller(Handler(), **options).start()
asyncio.new_event_loop().run_forever()
