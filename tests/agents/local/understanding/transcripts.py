"""What Whisper made of the recordings, as measured: the data for the rule that throws made-up transcripts away."""

# (recording, transcript, score, no speech, seconds, keep): whisper-base int8, greedy, 10 s window (30 s above 9 s), all
# public recordings. The hum and the "oh" are real, but what Whisper makes of them is not what was said.
HEARD = (
    ("multichannel/respeaker_8ch_snowboy_alexa", "Snowboard, Alexa.", -0.468, 0.325, 3.4, True),
    (
        "multichannel/stereo_2spk",
        "He began a confused complaint against the wizard, who had vanished behind the curtain on the left.",
        -0.106, 0.001, 5.0, True,
    ),
    ("noise/babycry_1-187207-A", "Oh", -3.269, 0.222, 5.0, False),
    ("noise/babycry_1-60997-A", "A" + "H" * 196, -0.323, 0.323, 5.0, False),
    ("noise/clock_1-21934-A", "You", -3.948, 0.667, 5.0, False),
    ("noise/crackle_1-17150-A", "I'm going to use the same method as the other side.", -1.939, 0.369, 5.0, False),
    ("noise/dishes_a", "I'm going to add the butter.", -1.937, 0.128, 20.0, False),
    ("noise/dogbark_1-100032-A", "BAH!", -1.024, 0.688, 5.0, False),
    ("noise/dogbark_1-30344-A", "No! No! No! No!", -0.847, 0.471, 5.0, False),
    ("noise/exercise_bike", "I'm", -3.611, 0.625, 20.0, False),
    ("noise/laptop_tap1", "So,", -2.954, 0.844, 1.2, False),
    ("noise/lp_cough_1", "Pfff.", -1.997, 0.644, 3.9, False),
    ("noise/lp_cough_3", "Pfff!", -2.247, 0.317, 2.5, False),
    ("noise/lp_grunt_2", "Hmm", -2.278, 0.098, 0.9, False),
    ("noise/lp_snort", "Hey!", -2.055, 0.621, 3.2, False),
    ("noise/lp_whistle", "I'm...", -1.449, 0.141, 0.8, False),
    ("noise/mic_rub", "I'm gonna get you.", -2.26, 0.682, 0.8, False),
    ("noise/motor_1-116765-A", "Oh", -4.659, 0.579, 5.0, False),
    ("noise/rain_1-17367-A", "I'm going to put the water in the pot.", -1.942, 0.589, 5.0, False),
    ("noise/sb_noise3", "...", -4.181, 0.36, 8.4, False),
    ("noise/sneeze_1-26143-A", "That's me.", -1.741, 0.262, 5.0, False),
    ("noise/sneeze_1-29680-A", "Ugh!", -1.576, 0.378, 5.0, False),
    ("noise/sneeze_1-47273-A", "Pfft!", -1.448, 0.499, 5.0, False),
    ("noise/sneeze_1-54505-A", "Hatsu!", -1.341, 0.196, 5.0, False),
    ("noise/sneeze_1-59324-A", "Hush!", -2.067, 0.506, 5.0, False),
    ("noise/sneeze_2-118104-A", "I'll see you. I'll see you.", -0.758, 0.107, 5.0, False),
    ("noise/tap", "you", -3.545, 0.882, 0.6, False),
    (
        "speech/allison_demo-congrats",
        (
            "Congratulations! You have successfully installed and executed the Asterisk open-source PBX. You have "
            "also installed a set of sample sounds and configuration files that should help you get started. Lik"
        ),
        -0.067, 0.389, 30.3, True,
    ),
    ("speech/allison_im-sorry", "I'm sorry.", -0.076, 0.084, 1.0, True),
    ("speech/allison_one-moment-please", "One moment please.", -0.351, 0.032, 1.6, True),
    ("speech/arctic_a0010", "I'm playing a single hand in what looks like a losing game.", -0.033, 0.001, 3.6, True),
    ("speech/arctic_aew_a0001", "Author of the danger trail, fill up steels, etc.", -0.258, 0.002, 3.9, True),
    ("speech/arctic_aew_a0002", "Not at this particular case, Tom, apologized Whitmore.", -0.266, 0.008, 4.0, True),
    ("speech/arctic_axb_a0005", "Will be over for greater", -0.834, 0.025, 1.6, True),
    ("speech/cards_001", "10 of clubs", -0.746, 0.061, 1.1, True),
    ("speech/cards_003", "7F clubs", -0.972, 0.021, 1.5, True),
    ("speech/cards_005", "8 of spades, 4 of close, 7 of hearts.", -0.144, 0.051, 3.5, True),
    ("speech/goforward", "Go forward 10 meters.", -0.324, 0.01, 2.8, True),
    (
        "speech/jfk",
        (
            "And so my fellow Americans, ask not what your country can do for you, ask what you can do for your "
            "country."
        ),
        -0.094, 0.048, 11.0, True,
    ),
    ("speech/kw_alexa_00", "Alexa", -0.465, 0.125, 3.3, True),
    ("speech/kw_alexa_03", "Alexa", -0.671, 0.185, 5.1, True),
    ("speech/kw_alexa_06", "Alexa", -0.458, 0.041, 4.6, True),
    ("speech/kw_alexa_11", "Alexa.", -0.434, 0.124, 2.0, True),
    ("speech/kw_alexa_14", "Alexa", -0.414, 0.107, 2.2, True),
    (
        "speech/libri_1272_0000",
        "Mr. Quilter is the apostle of the middle classes, and we are glad to welcome his gospel.",
        -0.088, 0.003, 5.9, True,
    ),
    (
        "speech/libri_2412_0000",
        (
            "If the reader will excuse me, I will say nothing of my antecedents, nor of the circumstances which "
            "led me to leave my native country. The narrative would be tedious to him and painful to myself."
        ),
        -0.042, 0.024, 11.7, True,
    ),
    ("speech/librivox_0880", "He was not an ill-sposed young man.", -0.183, 0.03, 3.0, True),
    (
        "speech/librivox_0890",
        "Unless to be rather cold-hearted and rather selfish is to be ill-disposed.",
        -0.155, 0.012, 5.3, True,
    ),
    ("speech/librivox_0930", "He might even have been made amiable himself.", -0.114, 0.001, 3.3, True),
    ("speech/livingroom_lamp", "Turn on the living room lamp.", -0.159, 0.004, 3.0, True),
    ("speech/one_two_three", "1, 2, 3", -0.4, 0.112, 2.7, True),
    ("speech/pv_test_de", "The rear of this portal was used as a light hall.", -1.039, 0.0, 5.3, True),
    ("speech/sb_spk1_snt1", "The child almost hurt the small dog.", -0.05, 0.0, 2.9, True),
    ("speech/sb_spk2_snt3", "Terra thin sheet from the yellow pad.", -0.378, 0.001, 1.9, True),
    ("speech/tidigits_29340", "29340", -0.488, 0.067, 2.4, True),
    (
        "speech/vctk_p286_011",
        (
            "When a man looks for something beyond his reach, his friends say he's looking for the pot of gold at "
            "the end of the rainbow."
        ),
        -0.077, 0.023, 6.8, True,
    ),
    ("turns/ami_headset", "I'm Abigail Claifren. You can call me Abby.", -0.434, 0.141, 6.0, True),
    ("turns/bc_bon", "Oh.", -0.901, 0.12, 1.2, True),
    ("turns/bc_hum", "Oh", -3.84, 0.624, 2.2, False),
    ("turns/bc_oh", "Wow.", -1.017, 0.809, 1.9, False),
    ("turns/de_saet_pauses", "What the man sees? That's where he feels like an ant.", -1.222, 0.006, 16.9, True),
    ("turns/digits_three_groups", "1-0-0-0-1 9-0-2-1-0 0-1-8-0-3", -0.297, 0.937, 8.3, True),
    ("turns/paa_count", "1, 2, 3, 4, 5, 6, 7, 8, 9, 10", -0.109, 0.113, 5.9, True),
)  # fmt: skip
