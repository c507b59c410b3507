"""Sentences that sound like commands and are none, and texts made to upset a matcher."""

NOT_COMMANDS = """
I had a hard time at work|the volume of a cube is|what time did the second world war end|tell me about the date palm
stop words in linguistics|divide and conquer means what|What is the volume of a sphere?|Who invented the timer?
How do I stop smoking?|Don't stop.|Why did the chicken stop?|Can you stop by the store on your way home?
What is the best time to visit Japan?|What time does the museum open?|Time flies when you're having fun.
what is time|What is the theory of time travel?|How long is a day on Mars?|What day is Christmas?
When is Easter this year?|What date was the moon landing?|What year did the Titanic sink?
What day was Einstein born?|Who was the first man on the moon?|Tell me a joke.|What is the capital of France?
Who wrote Romeo and Juliet?|How far away is the moon?|What is a timer?|How does an egg timer work?
The timer was set for ten minutes.|I bought a timer for my kitchen yesterday.|Ten minutes
An hour and a half is a long time.|I waited for half an hour.|It takes 10 minutes to boil an egg.
How long does it take to boil an egg?|What happens in ten minutes?|Five minutes ago I saw a dog.|I like loud music.
It was very loud at the party.|Turn left at the corner.|Turn the page.|Turn over a new leaf.|What does volume mean?
Which volume of the encyclopedia is it in?|The third volume is the best.|Set theory is fun.
Turn up for work on time.|I turned it up.|He was told to be quiet in the library.|Why are some people so quiet?
Nobody told me to shut up.|I never mind the rain.|What does repeat mean?|History does not repeat itself.
What did you say to your mother yesterday?|What did Churchill say about democracy?|Say something in French.
Hello is a song by Adele.|Thanks to you we won the game.|Goodbye Lenin is a film.
Who sang Goodbye Yellow Brick Road?|I can't forget everything that happened last year.|Forget me not is a flower.
What can you do with a lemon?|Help me write a letter to my landlord.|Who are you voting for?
How old is the universe?|What is your favourite colour?|What is nine eleven?|What is 9/11?|What is 9-11?
What happened on 9/11?|24/7|What is a third?|What is 5?|five|1, 2, 3|29340|1-0-0-0-1 9-0-2-1-0 0-1-8-0-3
What is one in four?|Three times a day.|I called you two times.|He is over forty.|What is mind over matter?
Square roots are hard.|What is the square root?|What is the plus sign?|What is percent?
The lamp in the living room is broken.|How do lights work?|Who turned on the lights?|Turn on the charm.
The door was closed.|Mr. Quilter is the apostle of the middle classes.|The child almost hurt the small dog.
Go forward 10 meters.|10 of clubs|8 of spades, 4 of close, 7 of hearts.|Alexa
What time is it when the clock strikes thirteen?|What time is it in your dreams?
What is the date of the battle of Hastings?|Is today a good day?|What is today known for?
Play is important for children.|The weather was nice when we were in Paris.|I have no time left for you.
What is a good volume for a fish tank?|How do you turn up a hem?|Who cancelled the show?|What time do babies sleep?
What time is dinner usually served in Spain?|What's the best time in the marathon?
What was the time of the crash in the movie?|Is the volume of water equal to its mass?
What's the date of Independence Day?|What is the day of the dead?|What day of the week was I born?
How many days until Christmas?|How many minutes are in a day?|How many seconds are in an hour?
How much time is needed to learn Spanish?|How many hours are left in the day?|Set the table for dinner.
Set a record.|Start a fire.|Start over is a good song.|Why do people say goodbye?|What does goodbye mean?
Stop signs are red.|Stop the war in Ukraine|Shut up and dance is a song|Who sings shut up and dance?
I will never mind.|Wait until tomorrow|Hold on to your dreams|Pause for thought|Louder than words
Mute swans are birds|Mute the microphone|Help yourself|Help me understand quantum physics|Who are the Beatles?
Who are you going to call?|What are you doing tomorrow night?|What's your favorite movie?|Repeat after me
Say hello to my little friend|Say cheese|Thanks to science|Hello world program|One plus phone|What is one direction?
What is two factor authentication?|What is 3D printing?|What is 5G?|What is the 5th amendment?
What is the fifth element?|How many is too many?|What's half life?|Half of the people voted.
What is the square of opposition?|What's a percent sign?|What percent of people are left handed?
The score was 3 to 1.|Ten to the power station.|What is 7up?|The year was 1984.|My phone number is 555-1234
Call me at 5.|Turn on, tune in, drop out|Turn off the highway at exit 5|Light the fire|Open the pod bay doors, HAL
Play fair|Forget about Dre|Forgetting everything is hard|Reset the router|Clear skies tomorrow|See you in court
Bye bye birdie|Remind me what we talked about|Remind me of the capital of France|Cancel my subscription
Cancel my flight|List the planets|List the largest countries in the world|Check the spelling of accommodation
Tell me the story of time|Tell me what happened in 1945|What day did World War 2 start?|Time out|Time Warner
Time in Casablanca is a film|Is time travel possible?|What's the date format in Germany?
How do you make it louder in the movie?|Up|Down
"""

HOSTILE = ["a " * 5000, "(" * 10_000, "set a timer for " * 600, "and a half " * 900, "9^" * 5000, " " * 10_000]
LONGEST = ["(" * 299, "a " * 150, "minus " * 50, "9^" * 150, "9" * 299, "add 1 and " * 29, "the " * 75, "a bit " * 49]
MORE = ["set a a timer for " * 16, "turn on the x " * 21, "9999^999*" * 33, "999!*" * 59, "please now " * 27]
