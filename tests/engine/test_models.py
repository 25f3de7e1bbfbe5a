"""Backbones, weights, heads and devices: every kind of network, and every way in which weights go wrong."""

from __future__ import annotations

import pickle
import socket
import threading
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from engine.contract.backbones import check_backbone, known_backbones
from engine.contract.errors import BackboneError, DeviceError, WeightsError
from engine.contract.method import ClassifierMethod
from engine.contract.spec import ModelSpec, TrainingSpec
from engine.models import device as devices
from engine.models import downloads
from engine.models.backbones import build_backbone
from engine.models.body import pooled
from engine.models.device import choose_device, cpu_has_bfloat16, keep_depthwise_in_float32
from engine.models.heads import ClassifierHead
from engine.models.hopeless import _torch_cache, refuse_hopeless
from engine.models.names import installed_backbones

TINY = "timm/test_efficientnet"


def tiny(weights: str = "none", backbone: str = TINY) -> nn.Module:
    return build_backbone(ModelSpec(backbone=backbone, weights=weights), 32, 32)


def test_the_names_on_file_are_those_the_libraries_offer() -> None:
    missing = set(installed_backbones()) - set(known_backbones())
    assert not missing, "run python -m engine.models.names"


def test_a_tag_of_weights_is_part_of_a_timm_name_only() -> None:
    check_backbone("timm/resnet50.a1_in1k")
    with pytest.raises(BackboneError):
        check_backbone("pretrainedmodels/resnet50.a1_in1k")


@pytest.mark.parametrize("build", [check_backbone, lambda name: tiny(backbone=name)])
def test_an_unknown_name_is_answered_with_near_ones(build) -> None:
    with pytest.raises(BackboneError, match="timm/resnt18") as caught:
        build("timm/resnt18")
    assert "timm/resnet18" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "height", "width"),
    [
        ("timm/test_resnet", 32, 48),
        ("timm/test_vit", 32, 48),  # built for the photo size
        ("timm/test_mambaout", 64, 64),
        ("timm/mobilenetv3_small_050", 32, 32),  # as wide as its last layer, not as its last feature map
        ("timm/levit_128s", 64, 64),
        ("pretrainedmodels/squeezenet1_1", 64, 96),
        ("pretrainedmodels/resnet18", 64, 64),
    ],
)
def test_backbones_give_one_vector_a_photo(name: str, height: int, width: int) -> None:
    backbone = build_backbone(ModelSpec(backbone=name, weights="none"), height, width).eval()
    with torch.no_grad():
        features = backbone(torch.rand(2, 3, height, width))
    assert features.shape == (2, backbone.width)
    assert torch.isfinite(features).all()


def test_whatever_a_network_gives_becomes_one_vector_a_photo() -> None:
    flat = torch.tensor([[1.0, 3.0]])
    assert pooled(flat) is flat
    assert pooled(torch.tensor([[[1.0, 3.0], [3.0, 5.0]]])).tolist() == [[2.0, 4.0]]  # tokens
    assert pooled(torch.tensor([[[[1.0, 3.0]], [[3.0, 5.0]]]])).tolist() == [[2.0, 4.0]]  # a map
    assert pooled((flat, flat + 2.0)).tolist() == [[2.0, 4.0]]  # the two answers of a distilled network


@pytest.mark.parametrize(
    ("name", "size"), [("pretrainedmodels/alexnet", "image.height=224"), ("timm/maxvit_rmlp_pico_rw_256", "256")]
)
def test_a_refused_photo_size_names_one_that_works(name: str, size: str) -> None:
    with pytest.raises(BackboneError, match="100x100") as caught:
        build_backbone(ModelSpec(backbone=name, weights="none"), 100, 100)
    assert size in caught.value.hint


def test_bgr_networks_see_the_numbers_they_were_trained_on() -> None:
    backbone = build_backbone(ModelSpec(backbone="pretrainedmodels/bninception", weights="none"), 64, 64)
    rgb = torch.tensor([128.0, 117.0, 104.0]) + torch.tensor([1.0, 2.0, 3.0])  # its BGR means, a little off
    normalised = (rgb / 255.0 - torch.tensor(backbone.mean)) / torch.tensor(backbone.std)
    seen: list[torch.Tensor] = []
    backbone.body.network.features = lambda images: seen.append(images) or images
    backbone(normalised[None, :, None, None])
    assert torch.allclose(seen[0].flatten(), torch.tensor([3.0, 2.0, 1.0]), atol=1e-3)


# Weights from files


@pytest.fixture
def trained(tmp_path: Path) -> tuple[nn.Module, Path]:
    """A timm network with its classifier, and the file that holds its weights."""
    network = timm.create_model("test_efficientnet", num_classes=7)
    path = tmp_path / "weights.safetensors"
    save_file(network.state_dict(), path)
    return network, path


def same(backbone: nn.Module, network: nn.Module) -> bool:
    theirs = network.state_dict()
    return all(torch.equal(value, theirs[name.removeprefix("body.")]) for name, value in backbone.state_dict().items())


def test_a_file_fills_the_backbone_and_its_classifier_is_left_out(trained: tuple[nn.Module, Path]) -> None:
    network, path = trained
    assert same(tiny(str(path)), network)
    assert not same(tiny(), network)


@pytest.mark.parametrize("wrap", [lambda state: state, lambda state: {"state_dict": state, "epoch": 3}])
@pytest.mark.parametrize("prefix", ["", "module.", "module.backbone.body."])
def test_torch_files_may_wrap_and_prefix_their_weights(trained, tmp_path: Path, wrap, prefix: str) -> None:
    network, _ = trained
    path = tmp_path / "weights.pth"
    torch.save(wrap({prefix + name: value for name, value in network.state_dict().items()}), path)
    assert same(tiny(str(path)), network)


def test_weights_of_another_network_are_counted_and_named(trained: tuple[nn.Module, Path]) -> None:
    with pytest.raises(WeightsError, match=r"0 of \d+ tensors match; \S+ is .+ and \S+ is ") as caught:
        tiny(str(trained[1]), "timm/test_resnet")
    assert "model.backbone" in caught.value.hint


def test_a_shape_that_disagrees_is_shown_both_ways(trained: tuple[nn.Module, Path]) -> None:
    network, path = trained
    state = network.state_dict()
    state["conv_stem.weight"] = torch.zeros(1, 2, 3)
    save_file(state, path)
    with pytest.raises(WeightsError, match=r"conv_stem.weight is \(1, 2, 3\), not \("):
        tiny(str(path))


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.trace,)


def test_code_in_a_weights_file_is_refused_and_never_run(tmp_path: Path) -> None:
    path, trace = tmp_path / "evil.pth", tmp_path / "it-ran"
    torch.save({"state_dict": Bomb(trace)}, path)
    pickled = tmp_path / "evil.pkl"
    pickled.write_bytes(pickle.dumps(Bomb(trace)))
    for file in (path, pickled):
        with pytest.raises(WeightsError, match="more than tensors"):
            tiny(str(file))
    assert not trace.exists()


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("length", [0, 7, 5000])
def test_a_file_cut_short_is_named(trained: tuple[nn.Module, Path], tmp_path: Path, suffix: str, length: int) -> None:
    network, _ = trained
    whole = tmp_path / f"whole{suffix}"
    save_file(network.state_dict(), whole) if suffix == ".safetensors" else torch.save(network.state_dict(), whole)
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(whole.read_bytes()[:length])
    with pytest.raises(WeightsError, match=f"cut{suffix}"):
        tiny(str(cut))


def test_a_missing_file_says_what_weights_may_be(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="there is no file") as caught:
        tiny(str(tmp_path / "none.pth"))
    assert "imagenet" in caught.value.hint


# Weights from the network


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No server answers, and nothing is cached."""
    monkeypatch.setattr(downloads, "reachable", lambda address: False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network in tests")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.parametrize("name", ["timm/test_resnet", "pretrainedmodels/resnet18"])
@pytest.mark.timeout(30)
def test_without_a_network_pretrained_weights_fail_with_what_to_do(no_network: None, name: str) -> None:
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE, socket.getdefaulttimeout()
    with pytest.raises(WeightsError, match="no network") as caught:
        tiny("imagenet", name)
    assert "model.weights" in caught.value.hint
    assert (constants.HF_HUB_OFFLINE, socket.getdefaulttimeout()) == before


@pytest.mark.parametrize("name", ["timm/resnet18", "pretrainedmodels/resnet18", "pretrainedmodels/se_resnet50"])
def test_hopeless_weights_are_refused_unless_something_is_cached(
    no_network: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match="no network"):
        refuse_hopeless(ModelSpec(backbone=name))
    refuse_hopeless(ModelSpec(backbone=name, weights="none"))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    for file in ("resnet18-5c106cde.pth", "se_resnet50-ce0d4300.pth"):
        (tmp_path / "hub" / "checkpoints" / file).touch()
    refuse_hopeless(ModelSpec(backbone=name))  # the library will tell whether it is the right one


def test_the_cache_of_torch_is_found_without_torch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
        assert str(_torch_cache()) == f"{torch.hub.get_dir()}/checkpoints"
        monkeypatch.delenv(variable)
    assert str(_torch_cache()) == f"{torch.hub.get_dir()}/checkpoints"


def test_weights_without_commercial_use_must_be_asked_for_by_tag(no_network: None) -> None:
    with pytest.raises(WeightsError, match="under cc-by-nc") as refused:
        tiny("imagenet", "timm/convnextv2_atto")
    assert "timm/convnextv2_atto.fcmae_ft_in1k" in refused.value.hint
    with pytest.raises(WeightsError, match="no network"):  # past the licence, as far as the network
        tiny("imagenet", "timm/convnextv2_atto.fcmae_ft_in1k")


def test_a_tag_or_weights_that_do_not_exist_are_told() -> None:
    with pytest.raises(BackboneError, match="tagged 'nope'") as caught:
        tiny(backbone="timm/test_resnet.nope")
    assert "test_resnet.r160_in1k" in caught.value.hint
    with pytest.raises(WeightsError, match="no pretrained weights"):
        tiny("imagenet", "timm/coatnet_0_224")


@pytest.mark.timeout(30)
def test_a_silent_server_is_given_up_soon_and_a_refusing_one_counts_as_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert not downloads.reachable(address, seconds=0.2)

        def refuse() -> None:
            for _ in range(2):  # the knock that was given up still waits in line
                connection, _ = silent.accept()
                connection.sendall(b"HTTP/1.0 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                connection.close()

        server = threading.Thread(target=refuse, daemon=True)
        server.start()
        assert downloads.reachable(address, seconds=10.0)
        server.join()
    assert not downloads.reachable(address, seconds=10.0)  # nobody listens there any more


# Head and device


def test_logits_are_float32_whatever_the_features_are() -> None:
    head = ClassifierHead(8, 3, dropout=0.0, method=ClassifierMethod())
    features = torch.rand(2, 8)
    with torch.autocast("cpu", torch.bfloat16):
        logits = head(features.bfloat16())
    assert logits.dtype == torch.float32
    assert torch.equal(logits, head(features.bfloat16().float()))


def test_the_loss_of_a_head_by_pencil() -> None:
    head = ClassifierHead(1, 2, dropout=0.0, method=ClassifierMethod(label_smoothing=0.5))
    nn.init.zeros_(head.linear.weight)
    head.linear.bias.data = torch.tensor([0.0, 0.0])
    loss = head.loss(torch.zeros(4, 1), torch.zeros(4, dtype=torch.int64))
    assert loss.item() == pytest.approx(0.6931472)  # two equal answers: log 2, however the target is spread


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="no GPU") as caught:
        choose_device(TrainingSpec(device="cuda"))
    assert "training.device=auto" in caught.value.hint
    assert choose_device(TrainingSpec(device="auto")).device.type == "cpu"


@pytest.mark.parametrize(("flags", "expected"), [("avx2 avx512_bf16", "bfloat16"), ("avx2 avx512f", "float32")])
def test_the_cpu_computes_in_bfloat16_only_where_it_can(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, flags: str, expected: str
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor : 0\nflags : fpu {flags} sse\n")
    found = cpu_has_bfloat16(cpuinfo)
    monkeypatch.setattr(devices, "cpu_has_bfloat16", lambda: found)
    assert choose_device(TrainingSpec(device="cpu")).precision_name == expected
    with pytest.raises(DeviceError, match="float16"):
        choose_device(TrainingSpec(device="cpu", precision="float16"))


def test_depthwise_convolutions_stay_in_float32_and_others_do_not() -> None:
    network = nn.ModuleList([nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 4, 3)])
    keep_depthwise_in_float32(network)
    with torch.autocast("cpu", torch.bfloat16):
        depthwise, full = (layer(torch.rand(1, 4, 8, 8)) for layer in network)
    assert (depthwise.dtype, full.dtype) == (torch.float32, torch.bfloat16)
