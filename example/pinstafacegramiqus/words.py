"""The vocabulary the rows are made of."""

FIRST_NAMES = (
    "Jacob Ada Alan Amara Anders Aylin Bela Carla Chen Dalia Edsger Elena Farid Grace Hana Ines "
    "Ivan Jaya Kofi Lena Mateo Nadia Olu Priya Rosa"
).split()
LAST_NAMES = (
    "Adeyemi Almeida Bauer Castro Dubois Eriksen Fischer Gupta Haddad Ito Jensen Kaya Larsen "
    "Moreau Novak Okafor Petrov Quist Rossi Silva"
).split()
CITIES = (
    "Lagos Lisbon Lawrence Oslo Osaka Paris Pune Quito Recife Rome Seoul Sofia Tallinn Tunis "
    "Utrecht Vienna Warsaw Washington York Zagreb"
).split()
TAGS = (
    "Coffee Architecture Autumn Baking Balconies Bicycles Boats Books Bread Bridges Cats Ceramics "
    "Chairs Clouds Dogs Doors Gardens Hiking Ice Islands Kites Lakes Lamps Maps Markets Mountains "
    "Music Posters Rain Rivers Sailing Shadows Shops Snow Stations Sunsets Tea Trains Trees Windows"
).split()
QUALITIES = (
    "Quiet Late Early Small Forgotten Golden Borrowed Painted Wooden Northern Crooked Slow Bright "
    "Second Foggy Warm"
).split()
THINGS = (
    "harbour kitchen staircase orchard rooftop platform lighthouse window workshop meadow café "
    "bridge corner terrace library shoreline"
).split()
PHRASES = (
    "I went back twice to get this one.",
    "The light lasted about a minute.",
    "Nobody else was awake.",
    "Wish I had brought a better lens.",
    "This is where we waited out the rain.",
    "The recipe is older than the house.",
    "They are tearing it down in spring.",
    "Same place as last year, other season.",
    "It smells of bread all the way up.",
    "Ask the owner about the blue door.",
    "Took the slow train on purpose.",
    "Saving this for the new flat.",
)
ABOUTS = (
    "Collects doors.",
    "Walks everywhere.",
    "Mostly coffee, some boats.",
    "Draws what others photograph.",
    "Looking for a quiet desk.",
    "Here for the bread.",
)
CAMERAS = (
    "Alder 35",
    "Box No. 2",
    "Corvid M",
    "Darkroom Mini",
    "Fjord 120",
    "Halcyon X",
    "Lantern SL",
    "Periscope II",
    "Quill 8",
    "Sextant Pro",
)
COLOURS = "red orange yellow green blue violet brown black white grey".split()
