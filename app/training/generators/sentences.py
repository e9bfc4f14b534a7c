"""What is said of a server and its address, as the trainer has it, for whoever translates it."""

from app.language import mark

SENTENCES = (
    mark("“%(url)s” is no address of a server. Write it like https://api.example.com/v1."),
    mark(
        "The host “%(host)s” is not allowed. Whoever looks after Prefloop's server can add it to "
        "PREFLOOP_GENERATOR_HOSTS."
    ),
    mark("Over http only hosts are reached that PREFLOOP_GENERATOR_HOSTS names. Use https for “%(host)s”."),
    mark("The host “%(host)s” is not known to the network (%(reason)s)."),
    mark("“%(host)s” leads to %(address)s, where no generator may be."),
    mark("The server sends requests on to another address, which is not followed. Enter its real address."),
    mark("The server does not accept the key (%(status)s). Enter the right one."),
    mark(
        "The server has no model “%(model)s”, or its address is wrong (%(status)s: %(reason)s). Most addresses end in "
        "/v1."
    ),
    mark("The server refuses the request (%(status)s: %(reason)s)."),
    mark("The server cannot answer now (%(status)s: %(reason)s)."),
    mark("The server at “%(host)s” cannot be reached (%(reason)s)."),
    mark("The server gave no answer within %(seconds)s seconds."),
    mark("The server's answer is larger than %(megabytes)s MB."),
    mark("The server answers with a web page instead of JSON. Check the address; most end in /v1."),
    mark("What the server answers is not valid JSON. Check the address; most end in /v1."),
    mark("The server's answer is not of the form of OpenAI's chat completions. Check the address; most end in /v1."),
    mark("The server sent no answer in its reply (reason: %(reason)s)."),
)
