"""The networks of spectra: shapes, parity of torch with NumPy and ONNX, and that they learn."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from sideman.audio.mel_inversion import correct  # noqa: E402
from sideman.audio.mel_picture import FORM, TONAL_BINS, log_mel_picture  # noqa: E402
from sideman.audio.spectrum import stft  # noqa: E402
from sideman.compose import vocoder as player  # noqa: E402
from sideman.compose.models import dcgan, flow, spectra_export, vocoder, vocoder_judge, vocoder_run  # noqa: E402
from sideman.compose.models.spectral_losses import SpectralLoss  # noqa: E402
from sideman.compose.spectra.corpus import SoundCorpus, build  # noqa: E402
from sideman.compose.spectra.crops import Recordings, SoundBatches  # noqa: E402
from sideman.compose.spectra.imagine import Wish, imagine  # noqa: E402
from sideman.compose.spectra.imaginers import open_imaginer  # noqa: E402
from sideman.compose.spectra.picture_batches import PictureBatches  # noqa: E402
from sideman.inference.sessions import session_of  # noqa: E402
from sideman.training.loop import Schedule  # noqa: E402
from tests.audio.signals import music  # noqa: E402
from tests.compose.test_spectra_corpus import recordings, write_music  # noqa: E402

TINY_FLOW = flow.Settings(32, 2, 1)
MEAN, SPREAD = torch.full((FORM.n_mels,), -4.0), torch.full((FORM.n_mels,), 2.0)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spectra")
    build(recordings(write_music(folder / "music")), folder / "corpus", moods=False, workers=1)
    return SoundCorpus(folder / "corpus")


class TestVocoder:
    def test_torch_draws_the_pictures_that_numpy_draws(self):
        sound = music(1.0)[: 80 * 256]
        made = vocoder.Mel()(torch.from_numpy(sound)[None])[0].numpy()
        assert np.abs(made - log_mel_picture(sound)).max() < 1e-2
        assert np.abs(made - log_mel_picture(sound)).mean() < 1e-4

    @pytest.mark.parametrize("rounds", [0, 1, 4])
    def test_training_corrects_as_the_vocoder_does(self, rounds):
        sound = music(1.5)[: 120 * 256]
        mel = log_mel_picture(sound)
        noise = np.random.default_rng(0).standard_normal(len(sound)).astype(np.float32) * np.float32(0.1)
        want = correct(noise, mel, rounds)
        network = vocoder.Mel()
        frames = network.frames(torch.from_numpy(noise)[None])
        got = network.corrected(frames, torch.from_numpy(mel.copy())[None], rounds)[0].numpy()
        # At its ends torch sees zeros where the other sees what it made itself.
        inner = slice(2048, -2048)
        assert np.abs(got[inner] - want[inner]).max() < 2e-3 * np.abs(want).max()

    def test_the_exported_network_tells_what_the_trained_one_tells(self, tmp_path):
        torch.manual_seed(0)
        network = vocoder.Vocoder(vocoder.Settings(32, 64, 2)).eval()
        spectra_export.write(tmp_path / "vocoder", spectra_export.vocoder_onnx(network), {"kind": "vocoder"})
        mel = log_mel_picture(music(1.5)[: 120 * 256])[None]
        with torch.inference_mode():
            want = network(torch.from_numpy(mel.copy())).numpy()
        session = session_of(tmp_path / "vocoder.json")
        assert np.abs(session.run(mel)["spectrum"] - want).max() < 0.02 * np.abs(want).max()
        # Above the tones, which are found otherwise, this is what is heard.
        sound = player.vocode(mel[0], corrections=0, session=session)
        heard = np.abs(stft(sound, n_fft=FORM.n_fft, hop_length=FORM.hop_length))[TONAL_BINS + 10 :, 4:-4]
        with torch.inference_mode():
            made = vocoder.Mel().sound(vocoder.frames_of(torch.from_numpy(want)))[0].numpy()
        theirs = np.abs(stft(made, n_fft=FORM.n_fft, hop_length=FORM.hop_length))[TONAL_BINS + 10 :, 4:-4]
        assert np.abs(heard - theirs).mean() < 0.05 * theirs.mean()

    def test_it_learns(self, corpus):
        torch.manual_seed(0)
        network = vocoder.Vocoder(vocoder.Settings(32, 64, 2))
        losses = []
        vocoder_run.learn_spectra(
            network,
            SoundBatches(((Recordings(corpus), 1.0),), 2, 40 * 256),
            Schedule(30, 3e-3),
            on_step=lambda _, value: losses.append(value),
        )
        assert np.mean(losses[:2]) > np.mean(losses[-3:]) * 1.5

    def test_discriminators_tell_after_a_while(self):
        torch.manual_seed(0)
        judge = vocoder_judge.Judge()
        optimizer = torch.optim.Adam(judge.parameters(), 2e-3)
        real = torch.from_numpy(music(0.6)[None, : 40 * 256].copy())
        made = torch.randn_like(real) * real.std()
        begun = ended = 0.0
        for step in range(12):
            loss = vocoder_judge.judge_loss(judge(real), judge(made))
            begun, ended = (loss.item() if step == 0 else begun), loss.item()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        assert ended < 0.8 * begun

    def test_the_spectral_distance_is_nil_between_equals_and_grows_with_noise(self):
        distance, sound = SpectralLoss(), torch.from_numpy(music(0.6)[None].copy())
        noise = torch.randn_like(sound)
        found = [float(distance(sound + level * noise, sound)) for level in (0.0, 1e-3, 1e-2, 1e-1)]
        assert found[0] == pytest.approx(0, abs=1e-6)
        assert found == sorted(found)


class TestFlow:
    def test_the_exported_network_answers_as_the_trained_one_and_imagines(self, tmp_path):
        torch.manual_seed(0)
        network = flow.Flow(2, MEAN, SPREAD, TINY_FLOW)
        facts = spectra_export.generator_facts(network, ("jazz", "reggae"))
        spectra_export.write(tmp_path / "spectra", spectra_export.flow_onnx(network), facts)
        imaginer = open_imaginer(tmp_path)
        assert imaginer.genres == ("jazz", "reggae")
        assert imaginer.window == flow.WINDOW
        assert imagine(imaginer, Wish("jazz", 0.5, 0.5, steps=2), 3.0).shape == (FORM.n_mels, 259)

    def test_what_is_told_changes_the_answer(self):
        torch.manual_seed(0)
        network = flow.Flow(2, MEAN, SPREAD, TINY_FLOW)
        torch.nn.init.normal_(network.modulate.weight, std=0.1)
        noisy, time = torch.randn(1, FORM.n_mels, flow.WINDOW), torch.tensor([0.3])
        untold = torch.zeros(1, 3)
        answers = [
            network(noisy, time, torch.tensor([genre]), mood)
            for genre, mood in ((0, untold), (1, untold), (0, torch.tensor([[0.5, -0.5, 1.0]])))
        ]
        assert (answers[0] - answers[1]).abs().max() > 1e-3
        assert (answers[0] - answers[2]).abs().max() > 1e-3

    def test_it_learns(self, corpus):
        from sideman.compose.models.flow_run import learn_flow, schedule_of

        losses = []
        learn_flow(
            PictureBatches(corpus, corpus.genres, flow.WINDOW, 4), 2, schedule_of(40, 5e-3),
            settings=TINY_FLOW, on_step=lambda _, value: losses.append(value),
        )  # fmt: skip
        assert np.mean(losses[:3]) > 1.3 * np.mean(losses[-5:])


class TestDcgan:
    @pytest.mark.parametrize("conditional", [True, False])
    def test_the_exported_network_makes_the_patches_of_the_trained_one(self, tmp_path, conditional):
        torch.manual_seed(0)
        settings = dcgan.Settings(channels=4, conditional=conditional)
        network = dcgan.Generator(2, MEAN, SPREAD, settings).eval()
        facts = spectra_export.generator_facts(network, ("jazz", "reggae"))
        spectra_export.write(tmp_path / "spectra", spectra_export.dcgan_onnx(network), facts)
        imaginer = open_imaginer(tmp_path)
        assert imaginer.genres == (("jazz", "reggae") if conditional else ())
        noise = np.random.default_rng(0).standard_normal((1, 100)).astype(np.float32)
        told = {"genre": np.array([1])} if conditional else {}
        with torch.inference_mode():
            want = network.as_mel(network(torch.from_numpy(noise), torch.tensor([1]))).numpy()
        got = imaginer.session.run_inputs(noise=noise, **told)["mel"]
        assert got.shape == (1, FORM.n_mels, dcgan.WINDOW)
        assert np.abs(got - want).max() < 0.02
        assert imagine(imaginer, Wish(), 3.0).shape == (FORM.n_mels, 259)

    def test_the_discriminator_mirrors_the_generator(self):
        settings = dcgan.Settings(channels=4)
        made = dcgan.Generator(2, MEAN, SPREAD, settings)(torch.randn(3, 100), torch.tensor([0, 1, 2]))
        assert made.shape == (3, FORM.n_mels, dcgan.WINDOW)
        assert made.abs().max() <= 1
        assert dcgan.Discriminator(2, settings)(made, torch.tensor([0, 1, 2])).shape == (3,)

    def test_pictures_go_to_the_range_of_tanh_and_back(self):
        generator = dcgan.Generator(2, MEAN, SPREAD, dcgan.Settings(channels=4))
        mel = torch.rand(2, FORM.n_mels, 128) * 8 - 8
        assert (generator.as_mel(generator.as_scores(mel)) - mel).abs().max() < 1e-5

    def test_training_tells_how_both_stand(self, corpus):
        from sideman.compose.models.dcgan_run import learn_dcgan
        from sideman.training.adversarial import Duel

        _, history = learn_dcgan(
            PictureBatches(corpus, corpus.genres, dcgan.WINDOW, 4), 2, Duel(4, checkpoint_every=2),
            settings=dcgan.Settings(channels=4),
        )  # fmt: skip
        assert [row["step"] for row in history] == [2, 4]
        assert all(0 <= row[name] <= 1 for row in history for name in ("real_taken_for_real", "made_taken_for_made"))
        assert all(row["spread"] > 0 for row in history)
