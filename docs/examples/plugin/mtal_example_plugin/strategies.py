"""A strategy in a package of its own."""

from strategies import register


@register("rough", source="the plug-in example of mtal-benchmark", kinds=("scalar",))
def rough(outputs, power: float = 1.0):
    """Largest spread of the predicted values over the image, as of a depth with much relief."""
    return {task: outputs.refined[task].std((1, 2, 3)).pow(power) for task in outputs.of_kind("scalar")}
