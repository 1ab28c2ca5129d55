"""The cluster API beside Mage itself: a real Mage on this machine, gateway and runner in front of it."""
