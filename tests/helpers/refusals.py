"""What the registry says of a name that it refuses."""

import pytest

from strategies.registry import RegistryError, resolve


def refused(text: str) -> str:
    with pytest.raises(RegistryError) as caught:
        resolve(text)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence
