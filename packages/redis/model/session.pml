/*
 * How processes share a session in Redis, as a model that spin checks exhaustively: three processes, each of which needs a
 * token TURNS times. Each action names the function of the package, or the script, that it stands for.
 *
 *     spin -a -DLOSSES=1 -DONCE=1 session.pml && cc -O2 -DSAFETY -DCOLLAPSE -o pan pan.c && ./pan -m1000000
 *
 * ONCE asserts that no refresh token is redeemed twice. That holds as long as no process pauses for longer than its lease
 * (PAUSES) or dies between sending and storing (DEATHS), and no answer is lost (SILENCES); also if the store loses everything
 * once (LOSSES). Whatever happens, nothing is overwritten by an older generation, and nobody waits for ever: an end state in
 * which a process is not done is an error.
 *
 * BLIND stores without comparing, and HASTY gives a lock that was lost with the store at once: spin finds what that leads to.
 *
 * Time is left out. The lock of a process that lives is renewed, so that it ends by a pause only; that of a dead one ends at
 * some time. "Everyone has a second" means that everyone who lives has answered, unless somebody paused.
 */
#ifndef TURNS
#define TURNS 2
#endif
#ifndef PAUSES
#define PAUSES 0    /* of a process, longer than its lease */
#endif
#ifndef LOSSES
#define LOSSES 0    /* of everything in the store */
#endif
#ifndef DEATHS
#define DEATHS 0    /* between sending and storing */
#endif
#ifndef SILENCES
#define SILENCES 0  /* answers of the server that are lost */
#endif
#define FAULTS (PAUSES + LOSSES + DEATHS + SILENCES)
#ifndef ONCE
#define ONCE (FAULTS == 0)
#endif

#define N 3
#define FREE 7
#define EVERYONE 6  /* kept for its owner, after the store has lost it */
#define NONE 0      /* no token, no generation */
#define TOKENS 24

/* the server: the refresh token that is valid, and which were redeemed */
byte valid = NONE;
byte issued = NONE;
bool redeemed[TOKENS];

/* Redis: the session, and its lock */
byte generation = NONE;
byte stored = NONE;
byte lock = FREE;

/* what the processes have in memory: what they saw last of the session, whether they hold the lock and since which generation */
byte known[N];
byte token[N];
bool claims[N];
byte claimed[N];
bool dead[N];

byte pauses = PAUSES, losses = LOSSES, deaths = DEATHS, silences = SILENCES;
bool paused = false;

/* Session.learn */
inline learn(i) {
  if
  :: generation > known[i] -> known[i] = generation; token[i] = stored
  :: else
  fi
}

/* `PUBLISH stored`, heard by each: Session.heard */
inline announce() {
  learn(0); learn(1); learn(2)
}

/* Scripts.put and Scripts.restore: the one place in which the session is written */
inline write(next, value) {
  assert(next > generation);            /* no overwrite by an older generation */
  generation = next; stored = value;
  announce()
}

/* Session.restore */
inline restore(i) {
  if
  :: known[i] > generation ->
    write(known[i], token[i]);
#ifndef HASTY
    if
    :: lock == FREE -> lock = EVERYONE
    :: else
    fi
#else
    skip
#endif
  :: else
  fi
}

/* Scripts.renew: the lock is not another's, and nothing was stored since */
#define mayClaim(j) (!dead[j] && claims[j] && (lock == FREE || lock == EVERYONE) && generation <= claimed[j])

/* Session.showUp: who holds the lock claims it again, who knows the session brings it back */
inline showUp(j) {
  if
  :: mayClaim(j) -> lock = j
  :: else
  fi;
  if
  :: !dead[j] -> restore(j)
  :: else
  fi
}

inline die(i) {
  deaths--; dead[i] = true
}

proctype Process(byte i) {
  byte turns = 0;
  byte place = NONE, mine = NONE, answer = NONE;
  bool accepted = false;

  do
  :: turns == TURNS -> break
  :: else ->
    turns++;

    /* Lease.acquire: blocked until the lock is free, by a message or at the end of the lease */
    do
    :: atomic {
        (lock == FREE || lock == i) && generation != NONE ->
        lock = i; learn(i); restore(i);
        place = generation; mine = stored; claims[i] = true; claimed[i] = place;
        break
      }
    /* nothing is stored, `PUBLISH who`: everyone has a second, this process too */
    :: atomic {
        (lock == FREE || lock == i) && generation == NONE ->
        if
        :: showUp(0); showUp(1); showUp(2)
        :: paused -> skip             /* somebody was too late */
        fi;
        if
        :: (lock == FREE || lock == i) && generation == NONE ->
          lock = i; place = NONE; mine = NONE; claims[i] = true; claimed[i] = NONE;
          break
        :: else -> skip
        fi
      }
    od;

    answer = NONE;
    if
    /* adopted: another process has renewed it */
    :: mine != NONE -> goto release
    :: mine != NONE ->
      /* the refresh token is sent */
      if
      :: deaths > 0 -> die(i); goto end
      :: true
      fi;
      atomic {
        if
        :: ONCE -> assert(!redeemed[mine])   /* no two redemptions of one refresh token */
        :: else
        fi;
        redeemed[mine] = true;
        if
        :: mine == valid -> issued++; valid = issued; answer = issued; accepted = true
        :: else -> valid = NONE; accepted = false   /* the server ends the session */
        fi
      };
      if
      :: silences > 0 -> silences--; accepted = false; answer = NONE
      :: true
      fi;
      if
      :: accepted
      :: else ->
        /* Storage.successor: the store once more, else a login */
        atomic {
          if
          :: generation != place && generation != NONE -> learn(i); place = generation; mine = stored; goto release
          :: else -> issued++; valid = issued; answer = issued
          fi
        }
      fi
    :: mine == NONE ->
      /* a login */
      atomic { issued++; valid = issued; answer = issued }
    fi;

    if
    :: deaths > 0 -> die(i); goto end
    :: true
    fi;

    /* Session.write */
    atomic {
      if
      :: generation == place ->
        if
        :: known[i] > place -> write(known[i] + 1, answer)
        :: else -> write(place + 1, answer)
        fi;
        claimed[i] = generation
      :: generation < place && known[i] == place ->
        restore(i); write(place + 1, answer); claimed[i] = generation
#ifndef BLIND
      :: else                                       /* another has stored: nothing is written */
#else
      :: else -> write(place + 1, answer)
#endif
      fi
    };

release:
    /* Lease.giveBack */
    atomic {
      claims[i] = false;
      if
      :: lock == i -> lock = FREE
      :: else
      fi
    }
  od;
end:
  skip
}

/* What goes wrong, and what Redis does by itself. */
proctype World() {
end:
  do
  /* the lease of a process that died */
  :: atomic { lock < N && dead[lock] -> lock = FREE }
  /* everyone had a second to claim the lock */
  :: atomic { lock == EVERYONE && (paused || !(mayClaim(0) || mayClaim(1) || mayClaim(2))) -> lock = FREE }
  /* a process pauses for longer than its lease */
  :: atomic { pauses > 0 && lock < N -> pauses--; paused = true; lock = FREE }
  /* Redis comes back empty; who is connected shows up, now or when it is asked */
  :: atomic { losses > 0 && (generation != NONE || lock != FREE) ->
      losses--; generation = NONE; stored = NONE; lock = FREE }
  /* Session.heard: a process is connected again, and brings back what it knows */
  :: atomic { !dead[0] && known[0] > generation -> restore(0) }
  :: atomic { !dead[1] && known[1] > generation -> restore(1) }
  :: atomic { !dead[2] && known[2] > generation -> restore(2) }
  /* Lease.claimed, its renewal: a lock that is gone is taken again if nothing was stored since */
  :: atomic { mayClaim(0) -> lock = 0 }
  :: atomic { mayClaim(1) -> lock = 1 }
  :: atomic { mayClaim(2) -> lock = 2 }
  od
}

init {
  atomic { run Process(0); run Process(1); run Process(2); run World() }
}
