"""What the file of a model has in it, as RobustBench's loader takes it (robustbench/utils.py, load_model)."""

import torch

# Their files lack `mu` and `sigma`: RobustBench loads them all the same, and normalises as its class says.
WITHOUT_STATISTICS = (
    "Augustin2020Adversarial",
    "Chen2020Adversarial",
    "Chen2020Efficient",
    "Diffenderfer2021Winning",
    "Engstrom2019Robustness",
    "Hendrycks2020AugMix",
    "Huang2022Revisiting",
    "Kireev2021Effectiveness",
    "Pang2020Boosting",
    "Rice2020Overfitting",
    "Rony2019Decoupling",
    "Wong2020Fast",
    "Wu2020Adversarial",
)
UNDER_LAST = ("Andriushchenko2020Understanding", "Kireev2021Effectiveness")


def as_published(name, dataset, model):
    state = {key: value.float() if value.is_floating_point() else value for key, value in model.state_dict().items()}
    if dataset == "imagenet" and "normalize.mean" in state:
        state = {key[len("model.") :]: value for key, value in state.items() if not key.startswith("normalize.")}
    if name.startswith(WITHOUT_STATISTICS):
        state = {key: value for key, value in state.items() if key not in ("mu", "sigma")}
    if name == "Andriushchenko2020Understanding":
        state["model_preact_hl1.1.weight"] = state["conv1.weight"].clone()
    if name.startswith("Diffenderfer2021Winning_Binary"):
        # Edge-popup's scores lie beside the weights that it kept.
        convolutions = [key for key, value in state.items() if value.ndim == 4]
        state.update({key.replace("weight", "scores"): torch.randn_like(state[key]) for key in convolutions})
    if name.startswith("Bai2023Improving"):
        # The wrapper holds its model twice.
        state = {key[len("comp_model.") :]: value for key, value in state.items() if key.startswith("comp_model.")}
    if name == "Bai2024MixedNUTS":
        apart = ("_alpha_diffable", "std_map.", "std_model.mean", "std_model.std", "rob_model.normalize.")
        state = {key.replace("rob_model.model.", "rob_model."): value for key, value in state.items() if not key.startswith(apart)}
    if name == "Chen2020Adversarial":
        state = {key: value for key, value in state.items() if key.startswith("models.")}
    if name.startswith(UNDER_LAST):
        other = {key: torch.zeros_like(value) for key, value in state.items()}
        return {"last": state, "best": other}
    if name == "Carmon2019Unlabeled":
        return {"state_dict": {f"module.{key}": value for key, value in state.items()}}
    if name == "Chen2020Efficient":
        return {f"model.{key}": value for key, value in state.items()}
    return state
