"""What an inspection says, as the trainer has it, for whoever translates it."""

from app.language import mark

SENTENCES = (
    mark("There is no folder at %(folder)s."),
    mark("It has no config.json, so nothing says what kind of model it is."),
    mark(
        "It is an adapter (LoRA) without the model it belongs to. Merge the two, save the result, and add that folder."
    ),
    mark("%(file)s cannot be read as JSON."),
    mark(
        "It brings program code of its own (auto_map in %(files)s), which Prefloop never runs. Use a version "
        "of the model that the transformers library knows by itself."
    ),
    mark("Its weights are quantized (%(how)s) and cannot be trained. Add the version with full weights."),
    mark(
        "Its weights are pickled only (%(files)s); opening such a file can run any program. Save them as "
        "safetensors, with save_pretrained of a recent transformers."
    ),
    mark("It has no weights: no model.safetensors and no index of several such files."),
    mark("%(file)s is missing, though the index of the weights names it."),
    mark("%(file)s is broken or was cut off. Fetch it again."),
    mark("It has no tokenizer: none of tokenizer.json, tokenizer.model and vocab.json is there."),
    mark(
        "The installed transformers library (%(version)s) does not know its architecture “%(family)s”. Update"
        " the library, or use another model."
    ),
    mark("Its config.json describes no model that can be built: %(reason)s"),
    mark("“%(architecture)s” is no language model that writes from left to right."),
    mark("“%(family)s” reads more than text (%(parts)s); only models of text can be trained."),
    mark(
        "It has no head for a score: a reward model is saved as a sequence classifier, and this one is "
        "“%(architecture)s”."
    ),
    mark("It is a sequence classifier (“%(architecture)s”). Add it as a reward model."),
    mark("Its weights lack what its config.json asks for: %(names)s."),
    mark("Its weights have parts for which its config.json has no place: %(names)s."),
    mark("Its weights have other shapes than its config.json says: %(names)s."),
    mark("Its tokenizer cannot be opened: %(reason)s"),
    mark(
        "Its tokenizer has tokens up to number %(tokens)s, but the model has embeddings for %(rows)s. They do"
        " not belong together."
    ),
    mark("Its tokenizer has no end-of-sequence token, so an answer could never end."),
)
