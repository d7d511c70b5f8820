import type { User } from './user.ts'

/** Users for places without a users API: invented people, with addresses below the reserved domain `.example`. */
export const LOCAL_USERS: User[] = [
  {
    id: 1,
    name: 'Ada Marsh',
    username: 'ada.marsh',
    email: 'ada.marsh@marsh-knots.example',
    address: {
      street: '12 Ropewalk Lane',
      suite: 'Unit 3',
      city: 'Hexley',
      zipcode: '40213',
      geo: { lat: '51.48', lng: '-0.19' }
    },
    phone: '555-0101',
    website: 'marsh-knots.example',
    company: { name: 'Marsh Knots', catchPhrase: 'Ropes that hold their word', bs: 'makes and mends climbing ropes' }
  },
  {
    id: 2,
    name: 'Bruno Okafor',
    username: 'bruno.o',
    email: 'bruno.o@okafor-trails.example',
    address: {
      street: '7 Quarry Road',
      suite: 'Floor 2',
      city: 'Stonebridge',
      zipcode: '11874',
      geo: { lat: '6.45', lng: '3.39' }
    },
    phone: '555-0102',
    website: 'okafor-trails.example',
    company: { name: 'Okafor Trails', catchPhrase: 'Every path has two ends', bs: 'maps footpaths' }
  },
  {
    id: 3,
    name: 'Chiara Lindqvist',
    username: 'chiara.l',
    email: 'chiara.l@lindqvist-sails.example',
    address: {
      street: '88 Harbour Street',
      suite: 'Suite 14',
      city: 'Vikholm',
      zipcode: '59102',
      geo: { lat: '59.33', lng: '18.06' }
    },
    phone: '555-0103',
    website: 'lindqvist-sails.example',
    company: { name: 'Lindqvist Sails', catchPhrase: 'Wind is free', bs: 'cuts sails to order' }
  },
  {
    id: 4,
    name: 'Dmitri Castellano',
    username: 'dcastell',
    email: 'dcastell@castellano-boots.example',
    address: {
      street: '3 Millrace Court',
      suite: 'House B',
      city: 'Ponte Alto',
      zipcode: '30125',
      geo: { lat: '45.43', lng: '12.33' }
    },
    phone: '555-0104',
    website: 'castellano-boots.example',
    company: { name: 'Castellano Boots', catchPhrase: 'One foot after the other', bs: 'resoles boots' }
  },
  {
    id: 5,
    name: 'Esperanza Vogel',
    username: 'e.vogel',
    email: 'e.vogel@vogel-tents.example',
    address: {
      street: '51 Larch Avenue',
      suite: 'Suite 9',
      city: 'Tannwald',
      zipcode: '82467',
      geo: { lat: '47.49', lng: '11.09' }
    },
    phone: '555-0105',
    website: 'vogel-tents.example',
    company: { name: 'Vogel Tents', catchPhrase: 'Home is where the pegs are', bs: 'rents tents' }
  },
  {
    id: 6,
    name: 'Farid Haugen',
    username: 'farid.h',
    email: 'farid.h@haugen-wool.example',
    address: {
      street: '20 Glacier View',
      suite: 'Cabin 1',
      city: 'Isfjord',
      zipcode: '91703',
      geo: { lat: '69.64', lng: '18.95' }
    },
    phone: '555-0106',
    website: 'haugen-wool.example',
    company: { name: 'Haugen Wool', catchPhrase: 'Warm when wet', bs: 'knits for the cold' }
  },
  {
    id: 7,
    name: 'Grace Nakamura',
    username: 'grace.n',
    email: 'grace.n@nakamura-lamps.example',
    address: {
      street: '6 Lantern Alley',
      suite: 'Floor 5',
      city: 'Kawabe',
      zipcode: '60408',
      geo: { lat: '35.01', lng: '135.76' }
    },
    phone: '555-0107',
    website: 'nakamura-lamps.example',
    company: { name: 'Nakamura Lamps', catchPhrase: 'Light for the last mile', bs: 'builds headlamps' }
  },
  {
    id: 8,
    name: 'Hugo Abara',
    username: 'hugo.abara',
    email: 'hugo.abara@abara-packs.example',
    address: {
      street: '114 Market Row',
      suite: 'Stall 22',
      city: 'Osogbe',
      zipcode: '23021',
      geo: { lat: '7.77', lng: '4.56' }
    },
    phone: '555-0108',
    website: 'abara-packs.example',
    company: { name: 'Abara Packs', catchPhrase: 'Carry less, better', bs: 'sews rucksacks' }
  },
  {
    id: 9,
    name: 'Ines Kowalczyk',
    username: 'ines.k',
    email: 'ines.k@kowalczyk-canoes.example',
    address: {
      street: '9 Weir Street',
      suite: 'Suite 2',
      city: 'Nowy Brod',
      zipcode: '34700',
      geo: { lat: '49.48', lng: '20.03' }
    },
    phone: '555-0109',
    website: 'kowalczyk-canoes.example',
    company: { name: 'Kowalczyk Canoes', catchPhrase: 'Rivers know the way', bs: 'shapes canoes' }
  },
  {
    id: 10,
    name: 'Jonah Petrov',
    username: 'jonah.p',
    email: 'jonah.p@petrov-stoves.example',
    address: {
      street: '2 Summit Square',
      suite: 'Attic',
      city: 'Vitosha Gate',
      zipcode: '16180',
      geo: { lat: '42.63', lng: '23.24' }
    },
    phone: '555-0110',
    website: 'petrov-stoves.example',
    company: { name: 'Petrov Stoves', catchPhrase: 'Tea in four minutes', bs: 'makes camping stoves' }
  }
]
